//! The API as a Lambda function behind an HTTP API of API Gateway: its events as requests, answers as it takes
//! them (payload format 2.0).
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use application::error::Error;
use authorizer::Verdict;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::trace::{TRACE_HEADER, TraceId};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower::ServiceExt;
use url::{Position, Url};

/// A request as API Gateway passes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
struct RequestContext {
    http: Description,
    authorizer: Option<Authorizer>,
}

#[derive(Debug, Deserialize)]
struct Description {
    method: String,
}

#[derive(Debug, Deserialize)]
struct Authorizer {
    lambda: Option<Map<String, Value>>,
}

/// An answer as API Gateway takes it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The status.
    pub status_code: u16,
    /// The headers; several of a name as one, but for cookies.
    pub headers: BTreeMap<String, String>,
    /// What is set.
    pub cookies: Vec<String>,
    /// The body, as text or in base64.
    pub body: String,
    /// Whether it is in base64.
    pub is_base64_encoded: bool,
}

/// Answers an event, in this trace. The request carries the verdict of the authorizer.
///
/// # Errors
/// An event that is no request, which API Gateway does not pass; an answer whose body breaks off.
pub async fn answer(router: Router, event: Event, trace: Option<&TraceId>) -> Result<Answer, Error> {
    let request = request(event, trace)?;
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    answer_of(response).await
}

fn request(event: Event, trace: Option<&TraceId>) -> Result<Request, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Platform(format!("the event is no request: {error}"));
    // API Gateway has decoded the path.
    let mut url = Url::parse("https://localhost").map_err(|error| wrong(&error))?;
    url.set_path(&event.raw_path);
    if !event.raw_query_string.is_empty() {
        url.set_query(Some(&event.raw_query_string));
    }
    let body = match event.body {
        None => Body::empty(),
        Some(text) if event.is_base64_encoded => STANDARD.decode(text).map_err(|error| wrong(&error))?.into(),
        Some(text) => text.into(),
    };
    let mut request = Request::builder()
        .method(event.request_context.http.method.as_str())
        .uri(&url[Position::BeforePath..])
        .body(body)
        .map_err(|error| wrong(&error))?;
    let headers = request.headers_mut();
    for (name, value) in &event.headers {
        insert(headers, name, value);
    }
    if !event.cookies.is_empty() {
        insert(headers, header::COOKIE.as_str(), &event.cookies.join("; "));
    }
    if let Some(trace) = trace {
        insert(headers, TRACE_HEADER, &trace.header());
    }
    let found = event.request_context.authorizer.and_then(|found| found.lambda);
    if let Some(verdict) = found.and_then(|found| Verdict::of_context(|name| found.get(name))) {
        request.extensions_mut().insert(verdict);
    }
    Ok(request)
}

/// What is no header does not come from API Gateway.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

async fn answer_of(response: Response) -> Result<Answer, Error> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| Error::Platform(format!("the answer broke off: {error}")))?;
    let (mut headers, mut cookies) = (BTreeMap::<String, String>::new(), Vec::new());
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == header::SET_COOKIE {
            cookies.push(value);
        } else {
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|all| {
                    all.push_str(", ");
                    all.push_str(&value);
                })
                .or_insert(value);
        }
    }
    let (body, is_base64_encoded) = match String::from_utf8(bytes.into()) {
        Ok(text) => (text, false),
        Err(other) => (STANDARD.encode(other.as_bytes()), true),
    };
    Ok(Answer {
        status_code: parts.status.as_u16(),
        headers,
        cookies,
        body,
        is_base64_encoded,
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    fn event(body: &str, is_base64_encoded: bool) -> Event {
        serde_json::from_value(json!({
            "rawPath": "/v1/a b/ü",
            "rawQueryString": "limit=5&cursor=a%2Bb",
            "cookies": ["a=1", "b=2"],
            "headers": {"content-type": "text/csv", "x-amzn-trace-id": "Root=1-67891233-000000000000000000000000"},
            "requestContext": {"http": {"method": "PUT"}, "authorizer": {"lambda": null}},
            "body": body,
            "isBase64Encoded": is_base64_encoded,
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn an_event_becomes_its_request() {
        for (body, is_base64_encoded) in [("a;b", false), ("YTti", true)] {
            let trace = TraceId::parse("1-67891233-abcdef012345678912345678").unwrap();
            let request = request(event(body, is_base64_encoded), Some(&trace)).unwrap();
            assert_eq!(request.method(), "PUT");
            assert_eq!(request.uri(), "/v1/a%20b/%C3%BC?limit=5&cursor=a%2Bb");
            assert_eq!(request.headers()["content-type"], "text/csv");
            assert_eq!(request.headers()["cookie"], "a=1; b=2");
            assert_eq!(request.headers()[TRACE_HEADER], trace.header().as_str());
            assert!(request.extensions().get::<Verdict>().is_none());
            assert_eq!(to_bytes(request.into_body(), 10).await.unwrap(), "a;b");
        }
        assert!(request(event("no base64!", true), None).is_err());
    }

    #[tokio::test]
    async fn an_answer_is_text_where_it_can_be() {
        let response = Response::builder()
            .status(StatusCode::CREATED)
            .header("vary", "accept")
            .header("vary", "origin")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2");
        let answer = answer_of(response.body("ü".into()).unwrap()).await.unwrap();
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({
                "statusCode": 201, "headers": {"vary": "accept, origin"}, "cookies": ["a=1", "b=2"],
                "body": "ü", "isBase64Encoded": false,
            })
        );
        let bytes = Response::new(Body::from(vec![0xff, 0x00]));
        let answer = answer_of(bytes).await.unwrap();
        assert_eq!((answer.body.as_str(), answer.is_base64_encoded), ("/wA=", true));
    }
}
