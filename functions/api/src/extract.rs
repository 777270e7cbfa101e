//! Reading requests: bodies, paths and queries become typed values or problems that name the field.

use std::collections::BTreeMap;
use std::time::Duration;

use application::error::FieldError;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::Segment;
use url::form_urlencoded;

use crate::objects::InBraces;
use crate::problem::Problem;

/// Largest body, in bytes; uploads of files are not bound by it. A Lambda function's event may have 6 MB, and holds the
/// body as a JSON string, in which every quotation mark takes two bytes.
pub const MAX_BODY: usize = 4_000_000;
/// Deepest nesting of a body. What is stored wraps a body a few levels deep, and reads back only
/// while the whole is less than 128 deep.
pub const MAX_DEPTH: usize = 64;

/// Most errors that are told of one member.
const MOST_TOLD: usize = 100;

/// How long the next part of a body may take to come: less than a request may take as a whole.
const PART_WITHIN: Duration = Duration::from_secs(10);

/// Most bytes of a body too large that are read and thrown away, so that its sender comes to read why.
const MAX_DISCARDED: usize = 8 * MAX_BODY;

/// Reads a whole body within [`MAX_BODY`].
pub(crate) async fn collect(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("A body may have at most {MAX_BODY} bytes."));
    let mut parts = body.into_data_stream();
    if announced_length(headers).is_some_and(|length| length > MAX_BODY as u64) {
        discard(parts).await;
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(part) = next(&mut parts).await? {
        let part = part.map_err(|_| Problem::malformed("The body broke off."))?;
        if whole.len() + part.len() > MAX_BODY {
            discard(parts).await;
            return Err(too_large());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

/// The next part of a body; a sender that stands still is told so.
async fn next(parts: &mut BodyDataStream) -> Result<Option<Result<Bytes, axum::Error>>, Problem> {
    tokio::time::timeout(PART_WITHIN, parts.next())
        .await
        .map_err(|_| Problem::stalled())
}

/// Reads on, within bounds. A connection closed on a sender that still writes is reset, and the answer
/// with it.
async fn discard(mut parts: BodyDataStream) {
    let mut discarded = 0;
    while let Some(Ok(part)) = parts.next().await
        && discarded < MAX_DISCARDED
    {
        discarded += part.len();
    }
}

/// How long the body will be, as far as the caller says so.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses compressed bodies: they would be read as garbage.
pub(crate) fn plain_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(of) if !of.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Problem::media_type(
            "Bodies are taken as they are: send no Content-Encoding.",
        )),
        _ => Ok(()),
    }
}

/// A JSON body.
#[derive(Clone, Debug)]
pub struct Input<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads a body of JSON. Apart from its type, of which there are many: a function is to be small.
async fn read(request: Request) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Problem::media_type(
            "Send JSON in UTF-8, with `Content-Type: application/json`.",
        ));
    }
    plain_encoding(&parts.headers)?;
    // Nothing that takes a body takes parameters, too: what was meant to change its meaning must not be passed over.
    Parameters::of(&parts).end()?;
    collect(&parts.headers, body).await
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let is_json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    // JSON is UTF-8 (RFC 8259, section 8.1).
    let charset = parts.find_map(|part| Some(part.strip_prefix("charset=")?.trim_matches('"').to_owned()));
    is_json && charset.is_none_or(|charset| charset == "utf-8")
}

/// Reads JSON. What is no JSON is malformed; JSON of another shape is invalid, with the field named.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    check_depth(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(InBraces(&mut reader)).map_err(|misfits| fault(bytes, misfits))?;
    reader.end().map_err(no_json)?;
    Ok(value)
}

fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::malformed("The body is empty; JSON is expected."));
    }
    if depth(bytes) > MAX_DEPTH {
        return Err(Problem::malformed(format!(
            "JSON may be nested at most {MAX_DEPTH} deep."
        )));
    }
    Ok(())
}

fn no_json(error: serde_json::Error) -> Problem {
    Problem::malformed(format!("The body is not JSON: {error}."))
}

/// What does not fit a type is reported like what is no JSON at some places.
fn fault(bytes: &[u8], misfits: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(IgnoredAny) => misfit(misfits),
        Err(error) => no_json(error),
    }
}

/// The same for a value that has been read already.
pub(crate) fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(InBraces(value)).map_err(misfit)
}

/// How deep brackets are nested, outside of texts.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn misfit(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = pointer(error.path());
    let inner = error.into_inner();
    let text = inner.to_string();
    // The place in the text says no more than the pointer does.
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with('/') {
        return Problem::invalid(below(&pointer, text));
    }
    if inner.is_syntax() && text.starts_with("expected") {
        let detail = "is of a type that does not belong here";
        return Problem::invalid(vec![FieldError::new(pointer, detail)]);
    }
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|beginning| {
            let name = text.strip_prefix(beginning)?.split('`').next()?;
            Some((*beginning, name))
        });
    let detail = match named {
        Some((beginning, name)) => {
            let token = format!("/{}", token(name));
            if !pointer.ends_with(&token) {
                pointer.push_str(&token);
            }
            match beginning.split(' ').next() {
                Some("unknown") => format!(
                    "is not known here{}",
                    text.rsplit_once('`').map_or("", |_| known(text))
                ),
                Some("missing") => "is missing".to_owned(),
                _ => "stands there twice".to_owned(),
            }
        }
        None => plain(text),
    };
    Problem::invalid(vec![FieldError::new(pointer, detail)])
}

/// What a type that checks its parts by itself says of them, each with its pointer from there: serde knows one text.
fn below(pointer: &str, text: &str) -> Vec<FieldError> {
    let error = |part: &str| {
        let (place, detail) = part.split_once(' ').unwrap_or((part, "is wrong"));
        FieldError::new(format!("{pointer}/{}", place.trim_start_matches('/')), detail)
    };
    text.split("; /").take(MOST_TOLD).map(error).collect()
}

/// What serde says of a type, without Rust's names.
fn plain(text: &str) -> String {
    let Some((given, expected)) = text.rsplit_once(", expected ") else {
        return text.to_owned();
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "string or map" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        // The rest of it are names of ours.
        named if named.starts_with("struct ") || named.starts_with("internally tagged enum ") => "an object",
        other => other,
    };
    let given = given.replace("type: sequence", "type: a list");
    format!("{given}, expected {expected}")
}

/// What serde says about the fields that are known.
fn known(text: &str) -> &str {
    text.find("`, ")
        .and_then(|place| text.get(place + 1..))
        .unwrap_or_default()
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                pointer.push_str(&format!("/{}", token(name)));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// A member name as a reference token of a JSON pointer (RFC 6901, section 3).
pub(crate) fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Ids in a path.
#[derive(Clone, Debug)]
pub struct Ids<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let text = error.body_text();
                let detail = match text.rsplit_once(": ") {
                    Some((_, detail)) => detail,
                    None => "is not UTF-8",
                };
                Err(Problem::malformed(format!("An id in the path {detail}."))
                    .with(vec![FieldError::new("/id", detail)]))
            }
            Err(error) => Err(Problem::internal(error)),
        }
    }
}

/// The parameters of a query, taken one by one; what is left is unknown.
pub(crate) struct Parameters {
    given: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// The parameters of a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut parameters = Self {
            given: BTreeMap::new(),
            errors: Vec::new(),
        };
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if parameters
                .given
                .insert(name.clone().into_owned(), value.into_owned())
                .is_some()
            {
                parameters.wrong(&name, "stands there twice");
            }
        }
        parameters
    }

    /// Takes one parameter, if it is there and right.
    pub(crate) fn take<T, E: ToString>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.given.remove(name)?;
        parse(&text).map_err(|error| self.wrong(name, error)).ok()
    }

    /// Something is wrong with a parameter.
    pub(crate) fn wrong(&mut self, name: &str, detail: impl ToString) {
        let name: String = name.chars().take(64).collect();
        self.errors
            .push(FieldError::new(format!("/{}", token(&name)), detail));
    }

    /// No further parameters are known.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.given).into_keys().take(16) {
            self.wrong(&name, "is not a parameter of this resource");
        }
        match self.errors.as_slice() {
            [] => Ok(()),
            [one, ..] => {
                let detail = format!(
                    "The parameter `{}` {}.",
                    one.pointer.trim_start_matches('/'),
                    one.detail
                );
                Err(Problem::malformed(detail).with(self.errors))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Sample {
        name: String,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Default, Deserialize)]
    enum Kind {
        #[default]
        Plain,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        count: u8,
    }

    fn told(body: &str) -> (u16, String, String) {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err().body();
        let pointer = problem
            .errors
            .first()
            .map(|error| error.pointer.clone())
            .unwrap_or_default();
        (problem.status, pointer, problem.detail)
    }

    #[test]
    fn faults_are_named() {
        for (body, status, pointer) in [
            ("", 400, ""),
            ("{", 400, ""),
            ("{\"name\": \"a\"} x", 400, ""),
            ("{\"name\": 1e999}", 422, "/name"),
            ("{\"name\": \"\\ud800\"}", 422, "/name"),
            ("[]", 422, ""),
            ("[\"a\"]", 422, ""),
            ("null", 422, ""),
            ("{\"name\": \"a\", \"kind\": null}", 422, "/kind"),
            ("{\"name\": \"a\", \"kind\": 1}", 422, "/kind"),
            ("{\"name\": \"a\", \"kind\": 1", 400, ""),
            ("{}", 422, "/name"),
            ("{\"name\": 1}", 422, "/name"),
            ("{\"name\": \"a\", \"nom\": 1}", 422, "/nom"),
            ("{\"name\": \"a\", \"name\": \"b\"}", 422, "/name"),
            (
                "{\"name\": \"a\", \"list\": [{\"count\": 1}, {\"count\": 256}]}",
                422,
                "/list/1/count",
            ),
            (
                "{\"name\": \"a\", \"list\": [{\"count\": 1, \"x/y\": 2}]}",
                422,
                "/list/0/x~1y",
            ),
            ("{\"name\": \"a\", \"list\": [{}]}", 422, "/list/0/count"),
            ("{\"name\": \"a\", \"list\": [[1]]}", 422, "/list/0"),
        ] {
            let (found, at, detail) = told(body);
            assert_eq!((found, at.as_str()), (status, pointer), "{body}: {detail}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_stands_still_is_told() {
        let beginning = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let body = Body::from_stream(beginning.chain(futures::stream::pending()));
        let problem = collect(&HeaderMap::new(), body).await.unwrap_err().body();
        assert_eq!((problem.status, problem.code.as_str()), (408, "request-timeout"));
    }

    #[test]
    fn types_are_told_in_plain_words() {
        for (body, told) in [
            ("null", "invalid type: null, expected an object"),
            (
                "{\"name\": \"a\", \"list\": [7]}",
                "invalid type: integer `7`, expected an object",
            ),
            (
                "{\"name\": \"a\", \"list\": {}}",
                "invalid type: map, expected a list",
            ),
            (
                "{\"name\": \"a\", \"list\": [{\"count\": \"x\"}]}",
                "invalid type: string \"x\", expected a whole number from 0 on",
            ),
        ] {
            let problem = parse::<Sample>(body.as_bytes()).unwrap_err().body();
            let detail = problem.errors.first().map(|error| error.detail.clone());
            assert_eq!(detail.as_deref(), Some(told), "{body}");
        }
    }

    #[test]
    fn json_is_utf_8() {
        for (given, fits) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/merge-patch+json;charset=utf-8", true),
            ("application/json; charset=utf-16", false),
            ("text/json", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, given.parse().unwrap())]);
            assert_eq!(is_json(&headers), fits, "{given}");
        }
    }

    #[test]
    fn depth_is_bounded_and_texts_do_not_count() {
        assert_eq!(told(&"[".repeat(100_000)).0, 400);
        assert_eq!(depth(br#"{"a": "[[[\"[[", "b": [[]]}"#), 3);
    }
}
