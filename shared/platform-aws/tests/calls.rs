//! What is told of calls. Alone in its program: `tracing` remembers for all threads which events somebody
//! listens to.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod endpoint;

use std::sync::{Arc, Mutex};

use endpoint::{check, platform, put};
use platform_aws::capacity::Consumed;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn calls_are_told_by_their_actions_and_what_they_consumed_is_summed() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("off,aws_call=debug")
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = MockServer::start().await;
    let consumed = json!({"ConsumedCapacity": {"TableName": "table", "CapacityUnits": 1.0}});
    let one = ResponseTemplate::new(200).set_body_json(consumed);
    let several = json!({"ConsumedCapacity": [{"TableName": "table", "CapacityUnits": 4.0}]});
    let several = ResponseTemplate::new(200).set_body_json(several);
    Mock::given(wiremock::matchers::header(
        "x-amz-target",
        "DynamoDB_20120810.TransactWriteItems",
    ))
    .respond_with(several)
    .mount(&server)
    .await;
    Mock::given(any()).respond_with(one).mount(&server).await;
    let aws = platform(&server).await;
    let table = aws.table();
    table.transact(vec![put("a")]).await.unwrap();
    table.transact(vec![put("a"), check("b")]).await.unwrap();
    table.transact(vec![check("b")]).await.unwrap();
    table
        .due(3, None, domain::time::Timestamp::MAX, 10)
        .await
        .unwrap();

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let told: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split_once("aws_call: ")?.1.to_owned()))
        .collect();
    let table_call =
        |action: &str| format!("service=\"dynamodb\" action=\"{action}\" resource=\"table\" name=\"\"");
    let index_call = "service=\"dynamodb\" action=\"Query\" resource=\"index\" name=\"due\"".to_owned();
    let expected = ["PutItem", "ConditionCheckItem", "PutItem", "GetItem"].map(table_call);
    assert_eq!(told, [&expected[..], &[index_call]].concat());
    assert_eq!(
        aws.consumed(),
        Consumed {
            read: 2.0,
            written: 5.0
        }
    );
}
