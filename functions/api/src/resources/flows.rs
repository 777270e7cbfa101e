//! Flow documents: checked before anything runs on them.

use std::collections::BTreeMap;

use application::campaigns::{FieldType, declarations};
use axum::Json;
use axum::response::IntoResponse;
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::Input;
use crate::schema;

/// A flow to check, and what it may read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowIn {
    /// The flow document; `/v1/flows/schema` describes it.
    #[schema(value_type = Object)]
    flow: Value,
    /// Columns of the contact lists, with their types.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    contact_columns: BTreeMap<String, FieldType>,
    /// Attributes of customer profiles, with their types.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, schema::FieldType>)]
    profile_attributes: BTreeMap<String, FieldType>,
}

/// Whether a flow can be published.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowCheckOut {
    valid: bool,
    /// Everything that is wrong with it.
    problems: Vec<FlowProblem>,
}

/// One thing that is wrong with a flow.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowProblem {
    /// The node at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// The field of the node, or of the document.
    field: String,
    /// Where in the flow document: a JSON pointer.
    pointer: String,
    /// What is wrong.
    message: String,
}

/// Check a flow
#[utoipa::path(
    post, path = "/v1/flows/validate", operation_id = "validateFlow", tag = "flows",
    request_body = FlowIn, responses((status = 200, body = FlowCheckOut))
)]
pub(crate) async fn validate(Input(input): Input<FlowIn>) -> Json<FlowCheckOut> {
    let declarations = declarations(&input.contact_columns, &input.profile_attributes);
    let problems = flows::validate(&input.flow, &declarations)
        .err()
        .unwrap_or_default();
    let problems: Vec<FlowProblem> = problems
        .into_iter()
        .map(
            |flows::Problem {
                 node,
                 field,
                 pointer,
                 message,
             }| FlowProblem {
                node,
                field,
                pointer,
                message,
            },
        )
        .collect();
    Json(FlowCheckOut {
        valid: problems.is_empty(),
        problems,
    })
}

/// Read the JSON Schema of flow documents
#[utoipa::path(
    get, path = "/v1/flows/schema", operation_id = "getFlowSchema", tag = "flows",
    responses((status = 200, body = Object, content_type = "application/schema+json"))
)]
pub(crate) async fn schema() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/schema+json")], flows::SCHEMA)
}
