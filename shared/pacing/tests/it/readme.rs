//! What the administrators' guide says is so.

use pacing::Plan;
use pacing::formula::NAMES;

const README: &str = include_str!("../../README.md");

/// The text of the blocks of this kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}\n");
    let parts = README.split(&fence).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap()).collect()
}

#[test]
fn every_name_is_explained() {
    for (name, _) in NAMES {
        assert!(README.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn every_recipe_passes_the_check() {
    let (init, seize) = (blocks("init"), blocks("seize"));
    assert!(init.len() == 5 && seize.len() == 4);
    for recipe in init {
        assert!(Plan::default().with_init(recipe).is_ok(), "{recipe}");
    }
    for recipe in seize {
        assert!(Plan::default().with_seize(recipe).is_ok(), "{recipe}");
    }
}
