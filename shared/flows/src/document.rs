//! How a flow is written: JSON, with a published JSON Schema that is made from the types here and in
//! the node types' modules.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::expression::Type;
use crate::flow::{NodeId, VariableName};
use crate::limits::{MAX_NODES, MAX_VARIABLES, MAX_VISITS_PER_NODE};
use crate::nodes::{Registration, SCHEMAS, TYPES};

/// The version of the format, the `schema` of documents.
pub(crate) const FORMAT: u64 = 1;

/// A flow document, for the schema. Reading goes field by field, so that all problems are told.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Document {
    /// The version of this format.
    #[schemars(extend("const" = FORMAT))]
    schema: u64,
    /// What the flow is for.
    #[serde(default)]
    description: Option<String>,
    /// The node at which conversations begin.
    start: NodeId,
    /// The conversation data: values that nodes read and write and that outside systems may set.
    #[serde(default)]
    #[schemars(extend("maxProperties" = MAX_VARIABLES))]
    variables: BTreeMap<VariableName, VariableDeclaration>,
    /// The nodes by their ids.
    #[schemars(extend("minProperties" = 1, "maxProperties" = MAX_NODES))]
    nodes: BTreeMap<NodeId, AnyNode>,
}

/// A variable of the conversation data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableDeclaration {
    /// The type of its values.
    #[serde(rename = "type")]
    pub(crate) of: VariableType,
    /// Its value at the start; without, it has none until one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) initial: Option<Json>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VariableType {
    /// A text.
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An instant, in RFC 3339.
    Timestamp,
    /// A list of texts.
    List,
}

impl From<VariableType> for Type {
    fn from(of: VariableType) -> Self {
        match of {
            VariableType::String => Self::String,
            VariableType::Number => Self::Number,
            VariableType::Boolean => Self::Boolean,
            VariableType::Timestamp => Self::Timestamp,
            VariableType::List => Self::strings(),
        }
    }
}

/// Stands for the node types in the schema.
struct AnyNode;

impl JsonSchema for AnyNode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Node".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let types: Vec<Json> = TYPES
            .iter()
            .zip(SCHEMAS)
            .map(|(of, settings)| node_schema(of, settings(generator), generator).into())
            .collect();
        json_schema!({ "oneOf": types })
    }
}

/// A node type's settings together with what all nodes have.
fn node_schema(of: &Registration, mut schema: Schema, generator: &mut SchemaGenerator) -> Schema {
    let target: Json = generator.subschema_for::<NodeId>().into();
    let outcomes = match of.outcomes {
        None => json!({ "type": "object", "additionalProperties": target }),
        Some(names) => {
            let known = names.iter().chain(&["exhausted"]);
            let wired: Map<String, Json> = known.map(|name| ((*name).to_owned(), target.clone())).collect();
            json!({
                "type": "object", "properties": wired, "required": names, "additionalProperties": false,
            })
        }
    };
    let common = json!({
        "type": { "const": of.name },
        "description": { "type": "string", "description": "What the node is for." },
        "outcomes": outcomes,
        "maxVisits": {
            "type": "integer", "minimum": 1, "maximum": MAX_VISITS_PER_NODE,
            "description": "How often a conversation may enter the node; then it goes where the \
                            outcome `exhausted` leads. Every loop needs a node with this bound.",
        },
    });
    let object = schema.ensure_object();
    object.insert("description".to_owned(), of.description.into());
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if let (Json::Object(properties), Json::Object(common)) = (properties, common) {
        properties.extend(common);
    }
    let mut required = vec![json!("type")];
    if !of.ends {
        required.push(json!("outcomes"));
    }
    if let Json::Array(required_by_type) = object.entry("required").or_insert_with(|| json!([])) {
        required_by_type.splice(0..0, required);
    }
    schema
}

/// The JSON Schema of flow documents, as it was made before: what makes it is large.
pub const SCHEMA: &str = include_str!("../flow.schema.json");

/// Makes the JSON Schema of flow documents. A test holds [`SCHEMA`] against it.
pub fn schema() -> Json {
    let mut schema: Json = SchemaGenerator::default()
        .into_root_schema_for::<Document>()
        .into();
    if let Json::Object(object) = &mut schema {
        object.insert("title".to_owned(), "Conversation flow".into());
        object.insert(
            "description".to_owned(),
            "What a campaign does with one customer.".into(),
        );
    }
    schema
}
