//! Which writes are tried again when DynamoDB does not do them, or does not say.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod endpoint;

use endpoint::{check, platform, put};
use platform::table::{TableError, Write};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"__type": code, "message": "said"}))
}

/// What a transaction hears from a server that always answers so, and how often it asked.
async fn meets(answer: ResponseTemplate, writes: Vec<Write>) -> (Result<(), TableError>, usize) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let heard = platform(&server).await.table().transact(writes).await;
    (heard, server.received_requests().await.unwrap().len())
}

#[tokio::test]
async fn a_plain_write_that_may_have_been_done_is_not_repeated() {
    let (heard, asked) = meets(refusal(500, "InternalServerError"), vec![put("a")]).await;
    assert!(matches!(heard, Err(TableError::Unavailable(_))), "{heard:?}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_was_surely_not_done_is_tried_again_within_bounds() {
    let (heard, asked) = meets(refusal(400, "ThrottlingException"), vec![put("a")]).await;
    assert_eq!(heard, Err(TableError::Throttled));
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn a_transaction_is_known_by_its_token_and_may_be_repeated() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(refusal(500, "InternalServerError"))
        .mount(&server)
        .await;
    let heard = platform(&server)
        .await
        .table()
        .transact(vec![put("a"), check("b")])
        .await;
    assert!(matches!(heard, Err(TableError::Unavailable(_))), "{heard:?}");
    let requests = server.received_requests().await.unwrap();
    let tokens: Vec<String> = requests
        .iter()
        .map(|request| request.body_json::<serde_json::Value>().unwrap()["ClientRequestToken"].to_string())
        .collect();
    assert_eq!(tokens.len(), 3);
    assert!(
        tokens.iter().all(|token| *token == tokens[0] && token.len() > 10),
        "{tokens:?}"
    );
}
