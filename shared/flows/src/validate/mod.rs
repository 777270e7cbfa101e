//! From a document to a flow, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::document::{FORMAT, VariableDeclaration};
use crate::expression::{Type, Value};
use crate::flow::{Flow, Node, NodeId, Outcome, Variable, VariableName, json_bytes};
use crate::limits::{
    MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, MAX_EVENTS, MAX_NODES, MAX_VALUE_BYTES, MAX_VARIABLES,
    MAX_VISITS_PER_NODE,
};
use crate::nodes::Registration;
use crate::scope::vocabulary;

mod checking;
mod graph;

pub(crate) use checking::Checking;
use graph::{Graph, Place};

/// What a flow may read that it does not declare itself.
#[derive(Clone, Debug, Default)]
pub struct Declarations {
    /// Columns of the contact lists. A column whose values are texts may be declared as number or
    /// boolean: texts that are none count as absent.
    pub contact: BTreeMap<String, Type>,
    /// Fields of the customer profile.
    pub profile: BTreeMap<String, Type>,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct Problem {
    /// The node at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The field of the node, or of the document: a path such as `cases/0/when`.
    pub field: String,
    /// Where in the document, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    fn document(field: &str, message: impl Into<String>) -> Self {
        let pointer = if field.is_empty() {
            String::new()
        } else {
            format!("/{field}")
        };
        Self {
            node: None,
            field: field.to_owned(),
            pointer,
            message: message.into(),
        }
    }

    fn node(node: &str, field: &str, message: impl Into<String>) -> Self {
        let escaped = node.replace('~', "~0").replace('/', "~1");
        let tail = if field.is_empty() {
            String::new()
        } else {
            format!("/{field}")
        };
        Self {
            node: Some(node.to_owned()),
            field: field.to_owned(),
            pointer: format!("/nodes/{escaped}{tail}"),
            message: message.into(),
        }
    }
}

/// Checks a document. Tells all problems at once, in the order of the document's pointers.
pub fn validate(document: &Json, declarations: &Declarations) -> Result<Flow, Vec<Problem>> {
    let mut problems = Vec::new();
    let flow = Reading {
        problems: &mut problems,
    }
    .flow(document, declarations);
    problems.sort_by(|a, b| (&a.pointer, &a.message).cmp(&(&b.pointer, &b.message)));
    problems.dedup();
    match flow {
        Some(flow) if problems.is_empty() => Ok(flow),
        _ => Err(problems),
    }
}

/// A node as far as it can be read without knowing its type.
struct RawNode<'d> {
    of: Option<&'static Registration>,
    outcomes: BTreeMap<Outcome, NodeId>,
    max_visits: Option<u32>,
    settings: Map<String, Json>,
    id: &'d str,
}

struct Reading<'p> {
    problems: &'p mut Vec<Problem>,
}

impl Reading<'_> {
    fn problem(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(Problem::document(field, message));
    }

    fn flow(&mut self, document: &Json, declarations: &Declarations) -> Option<Flow> {
        let Json::Object(fields) = document else {
            self.problem("", "must be a JSON object");
            return None;
        };
        if json_bytes(document) > MAX_DOCUMENT_BYTES {
            self.problem("", format!("may have at most {MAX_DOCUMENT_BYTES} bytes"));
            return None;
        }
        if !is_shallow(document, MAX_DOCUMENT_DEPTH) {
            self.problem("", format!("may be nested at most {MAX_DOCUMENT_DEPTH} deep"));
            return None;
        }
        for field in fields.keys() {
            if !["schema", "description", "start", "variables", "nodes"].contains(&field.as_str()) {
                let pointer = field.replace('~', "~0").replace('/', "~1");
                self.problem(&pointer, "is not known");
            }
        }
        if fields.get("schema").and_then(Json::as_u64) != Some(FORMAT) {
            self.problem("schema", format!("must be {FORMAT}"));
        }
        if fields.get("description").is_some_and(|text| !text.is_string()) {
            self.problem("description", "must be a text");
        }
        let variables = self.variables(fields.get("variables"));
        let raw = self.nodes(fields.get("nodes"));
        let start = match fields.get("start").and_then(Json::as_str) {
            Some(start) if raw.keys().any(|id| id.as_str() == start) => NodeId::parse(start).ok(),
            _ => {
                self.problem("start", "must name a node");
                None
            }
        };
        let places = raw.iter().map(|(id, node)| (id, Place::of(node))).collect();
        self.problems
            .extend(Graph::new(places, start.as_ref()).problems());
        self.check(raw, start, variables, declarations)
    }

    fn variables(&mut self, declared: Option<&Json>) -> BTreeMap<VariableName, Variable> {
        let mut variables = BTreeMap::new();
        let declared = match declared {
            None => return variables,
            Some(Json::Object(declared)) if declared.len() <= MAX_VARIABLES => declared,
            Some(_) => {
                self.problem(
                    "variables",
                    format!("must be an object of at most {MAX_VARIABLES} variables"),
                );
                return variables;
            }
        };
        for (name, declaration) in declared {
            let field = format!("variables/{}", name.replace('~', "~0").replace('/', "~1"));
            let name = match VariableName::parse(name) {
                Ok(name) => name,
                Err(error) => {
                    self.problem(&field, error.to_string());
                    continue;
                }
            };
            let Some(declaration) = self.read::<VariableDeclaration>(&field, declaration) else {
                continue;
            };
            let of = Type::from(declaration.of);
            let initial = declaration
                .initial
                .as_ref()
                .and_then(|json| Value::from_json(json, &of));
            if declaration.initial.is_some() && initial.is_none() {
                self.problem(&format!("{field}/initial"), format!("must be a {of}"));
            }
            let initial = initial.map(|value| value.to_json());
            if initial
                .as_ref()
                .is_some_and(|value| json_bytes(value) > MAX_VALUE_BYTES)
            {
                self.problem(
                    &format!("{field}/initial"),
                    format!("may have at most {MAX_VALUE_BYTES} bytes"),
                );
            }
            variables.insert(name, Variable { of, initial });
        }
        let initial = variables
            .values()
            .filter_map(|variable| variable.initial.as_ref());
        if initial.map(json_bytes).sum::<usize>() > crate::MAX_DATA_BYTES {
            self.problem(
                "variables",
                format!(
                    "may have initial values of at most {} bytes",
                    crate::MAX_DATA_BYTES
                ),
            );
        }
        variables
    }

    fn read<T: DeserializeOwned>(&mut self, field: &str, json: &Json) -> Option<T> {
        match serde_path_to_error::deserialize(json) {
            Ok(value) => Some(value),
            Err(error) => {
                let field = join(field, error.path());
                self.problem(&field, error.into_inner().to_string());
                None
            }
        }
    }

    fn nodes<'d>(&mut self, nodes: Option<&'d Json>) -> BTreeMap<NodeId, RawNode<'d>> {
        let mut raw = BTreeMap::new();
        let Some(nodes) = nodes
            .and_then(Json::as_object)
            .filter(|nodes| (1..=MAX_NODES).contains(&nodes.len()))
        else {
            self.problem("nodes", format!("must be an object of 1 to {MAX_NODES} nodes"));
            return raw;
        };
        for (id, node) in nodes {
            match (NodeId::parse(id), node) {
                (Err(error), _) => self.problems.push(Problem::node(id, "", error.to_string())),
                (_, Json::Object(fields)) => {
                    if let Ok(name) = NodeId::parse(id) {
                        raw.insert(name, self.node(id, fields));
                    }
                }
                (Ok(_), _) => self.problems.push(Problem::node(id, "", "must be an object")),
            }
        }
        raw
    }

    fn node<'d>(&mut self, id: &'d str, fields: &Map<String, Json>) -> RawNode<'d> {
        let mut settings = fields.clone();
        let mut tell = |field: &str, message: String| self.problems.push(Problem::node(id, field, message));
        let of = settings.remove("type");
        let of = of.as_ref().and_then(Json::as_str).and_then(Registration::find);
        if of.is_none() {
            let known: Vec<_> = crate::nodes::TYPES.iter().map(|of| of.name).collect();
            tell("type", format!("must be one of {}", known.join(", ")));
        }
        if settings
            .remove("description")
            .is_some_and(|text| !text.is_string())
        {
            tell("description", "must be a text".to_owned());
        }
        let max_visits = match settings.remove("maxVisits") {
            None => None,
            Some(json) => {
                let visits = json.as_u64().and_then(|visits| u32::try_from(visits).ok());
                let visits = visits.filter(|visits| (1..=MAX_VISITS_PER_NODE).contains(visits));
                if visits.is_none() {
                    tell(
                        "maxVisits",
                        format!("must be a whole number from 1 to {MAX_VISITS_PER_NODE}"),
                    );
                }
                visits
            }
        };
        let mut outcomes = BTreeMap::new();
        match settings.remove("outcomes") {
            None => {}
            Some(Json::Object(wires)) => {
                for (outcome, target) in wires {
                    let field = format!("outcomes/{}", outcome.replace('~', "~0").replace('/', "~1"));
                    let target = target.as_str().map(NodeId::parse);
                    match (Outcome::parse(&outcome), target) {
                        (Ok(outcome), Some(Ok(target))) => {
                            outcomes.insert(outcome, target);
                        }
                        (Err(error), _) => tell(&field, error.to_string()),
                        (_, _) => tell(&field, "must name a node".to_owned()),
                    }
                }
            }
            Some(_) => tell("outcomes", "must be an object".to_owned()),
        }
        RawNode {
            of,
            outcomes,
            max_visits,
            settings,
            id,
        }
    }

    /// Checks what the nodes say, now that it is known what they can refer to.
    fn check(
        &mut self,
        raw: BTreeMap<NodeId, RawNode<'_>>,
        start: Option<NodeId>,
        variables: BTreeMap<VariableName, Variable>,
        declarations: &Declarations,
    ) -> Option<Flow> {
        let messages: BTreeSet<NodeId> = raw
            .iter()
            .filter(|(_, node)| node.of.is_some_and(|of| of.messages))
            .map(|(id, _)| id.clone())
            .collect();
        let vocabulary = vocabulary(
            &declarations.profile,
            &declarations.contact,
            &variables,
            messages.iter(),
        );
        let (mut events, mut reads, mut nodes) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let count = raw.len();
        for (id, node) in raw {
            let Some(of) = node.of else { continue };
            let mut checking = Checking {
                node: node.id,
                vocabulary: &vocabulary,
                variables: &variables,
                messages: &messages,
                problems: Vec::new(),
                events: &mut events,
                reads: &mut reads,
            };
            let behaviour = (of.check)(Json::Object(node.settings), &mut checking);
            if let Some(behaviour) = &behaviour {
                checking.wiring(&behaviour.outcomes(), &node.outcomes, node.max_visits);
            }
            self.problems.append(&mut checking.problems);
            let Some(behaviour) = behaviour else { continue };
            nodes.insert(
                id,
                Node {
                    behaviour,
                    outcomes: node.outcomes,
                    max_visits: node.max_visits,
                },
            );
        }
        if events.len() > MAX_EVENTS {
            self.problem(
                "nodes",
                format!("may wait for at most {MAX_EVENTS} different events"),
            );
        }
        let start = start?;
        (nodes.len() == count).then_some(Flow {
            start,
            variables,
            nodes,
            events,
            reads,
        })
    }
}

/// Appends the path of a reading error to a field.
fn join(field: &str, path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut joined = field.to_owned();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        if !joined.is_empty() {
            joined.push('/');
        }
        joined.push_str(&name);
    }
    joined
}

fn is_shallow(json: &Json, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match json {
        Json::Array(items) => items.iter().all(|item| is_shallow(item, depth)),
        Json::Object(fields) => fields.values().all(|field| is_shallow(field, depth)),
        _ => true,
    }
}
