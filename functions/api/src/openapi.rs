//! The description of the API: OpenAPI 3.1, and a page that shows it without the internet.
//!
//! What all operations share (problems, the idempotency key, the request id) is added here, once.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::extract::MAX_BODY;
use crate::problem::{MEDIA_TYPE, ProblemBody};
use crate::router::described;
use crate::state::ApiState;

const INTRODUCTION: &str = include_str!("introduction.md");
const PAGE: &str = include_str!("docs.html");
/// What [`document`] makes; a test holds one against the other.
const DOCUMENT: &str = include_str!("../openapi.json");

/// Methods that write.
const WRITES: [&str; 4] = ["post", "put", "patch", "delete"];

/// The groups of operations, in the order in which they are shown.
const TAGS: [(&str, &str); 17] = [
    (
        "scheduled activities",
        "One message or call to one customer, at its time.",
    ),
    (
        "CIM messages",
        "The door for delivery receipts and customers' messages, in Expertflow's CIM shape.",
    ),
    (
        "customers",
        "Profiles, consent, and the history of what was sent and answered.",
    ),
    (
        "contact lists",
        "Whom campaigns reach. Contacts come in by imports of CSV files.",
    ),
    (
        "campaigns",
        "Whom, how, when and how hard. A draft is published, paused, resumed, stopped.",
    ),
    (
        "conversations",
        "What a campaign does with one customer, step by step.",
    ),
    (
        "flows",
        "Documents that say what a conversation does: nodes, and outcomes wired to nodes.",
    ),
    (
        "formulas",
        "How many calls to start and which agents to seize, as expressions; tried before they run.",
    ),
    (
        "do not contact",
        "Persons and addresses that are not to be contacted, whoever asks.",
    ),
    (
        "connectors",
        "The providers through which messages leave. Secrets go in and never come out.",
    ),
    (
        "callbacks",
        "Where providers report to, in their own formats and with their signatures.",
    ),
    (
        "webhooks",
        "Endpoints that are told what happens, signed by Standard Webhooks and retried for three days.",
    ),
    ("dead letters", "Activities that need a person."),
    (
        "agents",
        "Agents of the contact centre and their skill groups, as a routing engine tells of them.",
    ),
    (
        "settings",
        "What holds for everything that the tenant sends, and the emergency stop.",
    ),
    ("API keys", "Who may call this API."),
    ("health", "Whether the service works."),
];

/// Most entries of maps, by schema and member, which derived schemas cannot say.
const MAP_BOUNDS: [(&str, &str, usize); 17] = [
    ("ActivityIn", "metadata", 20),
    ("ActivityPatch", "metadata", 20),
    ("CampaignIn", "contactColumns", 100),
    ("CampaignIn", "profileAttributes", 100),
    ("FlowIn", "contactColumns", 100),
    ("FlowIn", "profileAttributes", 100),
    ("FormulaIn", "parameters", 100),
    ("ConnectorIn", "settings", 40),
    ("ConnectorIn", "secrets", 40),
    ("CustomerIn", "addresses", 4),
    ("CustomerIn", "attributes", 200),
    ("DataPatch", "values", 8),
    ("DataPatch", "expected", 8),
    ("CampaignPacing", "parameters", 32),
    ("CampaignPolicy", "channelWindows", 4),
    ("TenantPolicy", "channelWindows", 4),
    ("Windows", "days", 7),
];

/// Bodies and their parts that refuse members which they do not know, as their derived schemas cannot say.
const CLOSED: [&str; 11] = [
    "Budget",
    "CampaignPacing",
    "CampaignPolicy",
    "Commitment",
    "ConsentRecordIn",
    "CustomerIn",
    "Dialing",
    "Gateway",
    "SettingsIn",
    "TenantPolicy",
    "Windows",
];

/// The description, complete.
pub fn document(state: &ApiState) -> Value {
    complete(described(state))
}

/// The routes that show it.
pub(crate) fn router() -> Router<ApiState> {
    let json = async || ([(header::CONTENT_TYPE, "application/json")], DOCUMENT);
    Router::new().route("/v1/openapi.json", get(json)).route(
        "/docs",
        get(async || ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))),
    )
}

/// The page calls nobody but this API.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn complete(api: OpenApi) -> Value {
    let mut document = serde_json::to_value(api).unwrap_or_default();
    let Some(root) = document.as_object_mut() else {
        return document;
    };
    root.insert("openapi".into(), "3.1.0".into());
    root.insert(
        "info".into(),
        json!({
            "title": "Outbound Campaigns",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }),
    );
    root.insert("security".into(), json!([{"apiKey": []}]));
    let tag = |(name, description): (&str, &str)| json!({"name": name, "description": description});
    root.insert("tags".into(), TAGS.into_iter().map(tag).collect());
    add_components(root);
    for (schema, member, most) in MAP_BOUNDS {
        let place = format!("/components/schemas/{schema}/properties/{member}");
        if let Some(map) = root_pointer(root, &place) {
            map.insert("maxProperties".into(), most.into());
        }
    }
    for schema in CLOSED {
        if let Some(object) = root_pointer(root, &format!("/components/schemas/{schema}")) {
            object.insert("additionalProperties".into(), false.into());
        }
    }
    for (path, item) in members(root.get_mut("paths")) {
        for (method, operation) in members(Some(item)) {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(path, method, operation);
            }
        }
    }
    document
}

fn root_pointer<'a>(root: &'a mut Map<String, Value>, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    let mut parts = pointer.split('/').skip(1);
    let first = root.get_mut(parts.next()?)?;
    parts
        .try_fold(first, |value, part| value.get_mut(part))?
        .as_object_mut()
}

fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|object| object.iter_mut())
}

fn add_components(root: &mut Map<String, Value>) {
    let components = root.entry("components").or_insert_with(|| json!({}));
    let Some(components) = components.as_object_mut() else {
        return;
    };
    if let Some(schemas) = components
        .entry("schemas")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    {
        let mut needed = Vec::new();
        <ProblemBody as utoipa::ToSchema>::schemas(&mut needed);
        let own = <ProblemBody as utoipa::PartialSchema>::schema();
        needed.push(("Problem".to_owned(), own));
        for (name, schema) in needed {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
    }
    components.insert(
        "securitySchemes".into(),
        json!({"apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, such as `oc_...`, or a token of the configured issuer."}}),
    );
    components.insert(
        "parameters".into(),
        json!({
            "IdempotencyKey": {
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "Names the write: repeated under its key within 24 hours, it is done once and answered the same.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
            },
        }),
    );
    components.insert("responses".into(), Value::Object(problems()));
}

/// The problems that operations share, by name.
fn problems() -> Map<String, Value> {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        })
    };
    let too_large = format!("`too-large`: the body has more than {MAX_BODY} bytes (uploads: 200 MB).");
    [
        (
            "400",
            "`malformed-request`: the request cannot be read; a parameter or header at fault is named.",
        ),
        (
            "401",
            "`unauthenticated`: the API key or token is missing, unknown, ended or revoked.",
        ),
        (
            "403",
            "`forbidden`: the role of the API key or token does not allow this.",
        ),
        (
            "404",
            "`not-found`: there is no such thing, or it is another tenant's.",
        ),
        (
            "408",
            "`request-timeout`: the rest of the body did not come. Nothing was done.",
        ),
        ("409", "The present state does not allow it; `code` says why."),
        (
            "412",
            "`precondition-failed`: the resource does not stand as `If-Match` or `If-None-Match` says, but in `currentVersion`; 0: it is not there.",
        ),
        ("413", &too_large),
        (
            "415",
            "`unsupported-media-type`: the body is no JSON, or it is compressed.",
        ),
        (
            "422",
            "`invalid-request`: fields are wrong and named in `errors`; or `idempotency-key-reused`.",
        ),
        ("500", "`internal`: a defect of the service."),
        (
            "503",
            "`busy` or `unavailable`: repeat after `Retry-After`; repeating is safe.",
        ),
    ]
    .into_iter()
    .map(|(status, description)| (format!("Problem{status}"), problem(description)))
    .collect()
}

fn complete_operation(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let writes = WRITES.contains(&method);
    let open = operation.contains_key("security");
    let upload = path.ends_with("/file");
    let body = operation.contains_key("requestBody");
    let mut conditional = false;
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        for parameter in parameters.iter_mut() {
            let name = parameter.get("name").and_then(Value::as_str);
            let (description, pattern, example) = match name {
                Some("If-Match") => (
                    "The version that you have seen, as `ETag` gave it; `*` for any, but there must be one.",
                    "^(\\*|\"[0-9]+\")$",
                    "\"3\"",
                ),
                Some("If-None-Match") => ("`*`: only if there is none.", "^\\*$", "*"),
                _ => continue,
            };
            conditional = true;
            *parameter = json!({
                "name": name, "in": "header", "required": false, "description": description,
                "schema": {"type": "string", "pattern": pattern}, "example": example,
            });
        }
        if writes && !open && !upload {
            parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
        }
    }
    if operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        operation.remove("parameters");
    }
    let mut statuses = vec!["500", "503"];
    statuses.extend((!open).then_some(["401", "403"]).into_iter().flatten());
    statuses.extend((writes || operation.contains_key("parameters")).then_some("400"));
    statuses.extend((path.contains('{') || path.ends_with("redrive") || method == "delete").then_some("404"));
    statuses.extend((writes && !open).then_some(["409", "422"]).into_iter().flatten());
    statuses.extend(conditional.then_some("412"));
    statuses.extend(
        (body && !open)
            .then_some(["408", "413", "415"])
            .into_iter()
            .flatten(),
    );
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for status in statuses {
            let reference = json!({"$ref": format!("#/components/responses/Problem{status}")});
            responses.entry(status).or_insert(reference);
        }
    }
}
