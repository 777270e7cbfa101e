//! The scenarios that come with the program.

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub yaml: &'static str,
}

macro_rules! known {
    ($($name:literal),* $(,)?) => {
        &[$(Known {
            name: $name,
            yaml: include_str!(concat!("../../scenarios/", $name, ".yaml")),
        }),*]
    };
}

/// All of them.
pub const LIBRARY: &[Known] = known![
    "plain-5",
    "plain-10",
    "plain-30",
    "plain-100",
    "plain-300",
    "team-of-3",
    "rare-answers",
    "eager-answers",
    "shocks",
    "short-or-long",
    "short-calls",
    "churning-staff",
    "detection-errors",
    "half-hour",
    "timed-wrap",
    "day-of-shifts",
    "bad-numbers",
    "limited-list",
    "long-wait",
    "blended-team",
    "blended-steady",
    "blended-rush",
    "blended-overload",
    "blended-day",
];

/// The scenario of a name.
pub fn find(name: &str) -> Option<&'static Known> {
    LIBRARY.iter().find(|known| known.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    #[test]
    fn every_file_is_known_and_reads() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut known: Vec<String> = LIBRARY
            .iter()
            .map(|known| format!("{}.yaml", known.name))
            .collect();
        files.sort();
        known.sort();
        assert_eq!(files, known);
        for known in LIBRARY {
            let scenario =
                Scenario::parse(known.yaml).unwrap_or_else(|error| panic!("{}: {error}", known.name));
            assert_eq!(scenario.name, known.name);
        }
    }
}
