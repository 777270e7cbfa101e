//! What the wiring of a flow must keep: everything is reached, everything can end, loops are bounded.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, RawNode};
use crate::flow::{NodeId, Outcome};

const EXHAUSTED: &str = "exhausted";

/// What the graph knows of a node.
pub(super) struct Place<'a> {
    wires: &'a BTreeMap<Outcome, NodeId>,
    is_bounded: bool,
    waits: bool,
    ends: bool,
}

impl<'a> Place<'a> {
    /// A node of unknown type is taken to end and to wait: its own problem is told already, and it
    /// should cause no others.
    pub(super) fn of(node: &'a RawNode<'_>) -> Self {
        Self {
            wires: &node.outcomes,
            is_bounded: node.max_visits.is_some(),
            waits: node.of.is_none_or(|of| of.waits),
            ends: node.of.is_none_or(|of| of.ends),
        }
    }
}

pub(super) struct Graph<'a> {
    places: BTreeMap<&'a NodeId, Place<'a>>,
    start: Option<&'a NodeId>,
}

type Nodes<'a> = BTreeSet<&'a NodeId>;

impl<'a> Graph<'a> {
    pub(super) fn new(places: BTreeMap<&'a NodeId, Place<'a>>, start: Option<&'a NodeId>) -> Self {
        Self { places, start }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (id, place) in &self.places {
            for (outcome, target) in place.wires {
                if !self.places.contains_key(target) {
                    let field = format!("outcomes/{outcome}");
                    problems.push(Problem::node(
                        id.as_str(),
                        &field,
                        format!("there is no node `{target}`"),
                    ));
                }
            }
        }
        let from: BTreeMap<_, Nodes<'_>> = self
            .places
            .keys()
            .map(|id| (*id, self.reached(id, |_, _| true)))
            .collect();
        if let Some(start) = self.start {
            let reached = from.get(start);
            for id in self.places.keys() {
                if *id != start && !reached.is_some_and(|reached| reached.contains(id)) {
                    problems.push(Problem::node(id.as_str(), "", "cannot be reached from the start"));
                }
            }
        }
        for (id, reached) in &from {
            let ends = |id: &NodeId| self.places.get(id).is_some_and(|place| place.ends);
            if !ends(id) && !reached.iter().any(|id| ends(id)) {
                problems.push(Problem::node(id.as_str(), "", "no end can be reached from here"));
            }
        }
        // Once all bounded nodes are used up, they only pass on by `exhausted`: no loop may be left.
        self.refuse_loops(
            |place, outcome| !place.is_bounded || outcome.as_str() == EXHAUSTED,
            "is never left: one of its nodes needs `maxVisits`, and `exhausted` must lead out of it",
            &mut problems,
        );
        self.refuse_loops(
            |place, _| !place.waits,
            "does not wait for anything: it needs a `wait` node",
            &mut problems,
        );
        problems
    }

    /// What can be reached from a node by at least one wire, over the wires that are followed.
    fn reached(&self, from: &NodeId, follows: impl Fn(&Place<'_>, &Outcome) -> bool) -> Nodes<'_> {
        let mut reached = Nodes::new();
        let mut open: Vec<&NodeId> = vec![from];
        while let Some(id) = open.pop() {
            let Some(place) = self.places.get(id) else {
                continue;
            };
            let wires = place.wires.iter().filter(|(outcome, _)| follows(place, outcome));
            for (_, target) in wires {
                if let Some((target, _)) = self.places.get_key_value(target)
                    && reached.insert(target)
                {
                    open.push(target);
                }
            }
        }
        reached
    }

    /// Tells each loop over the wires that are followed, at its first node.
    fn refuse_loops(
        &self,
        follows: impl Fn(&Place<'_>, &Outcome) -> bool,
        message: &str,
        problems: &mut Vec<Problem>,
    ) {
        let from: BTreeMap<_, Nodes<'_>> = self
            .places
            .keys()
            .map(|id| (*id, self.reached(id, &follows)))
            .collect();
        let reaches = |a: &NodeId, b: &NodeId| from.get(a).is_some_and(|reached| reached.contains(b));
        let mut told = Nodes::new();
        for id in self.places.keys().copied() {
            if !reaches(id, id) || told.contains(id) {
                continue;
            }
            let nodes: Vec<_> = self
                .places
                .keys()
                .copied()
                .filter(|other| reaches(id, other) && reaches(other, id))
                .collect();
            let names: Vec<_> = nodes.iter().map(|id| id.as_str()).collect();
            problems.push(Problem::node(
                id.as_str(),
                "outcomes",
                format!("the loop of {} {message}", names.join(", ")),
            ));
            told.extend(nodes);
        }
    }
}
