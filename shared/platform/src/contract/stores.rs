//! Blobs, secrets, the event bus, clock and randomness.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::time::Millis;
use futures::StreamExt;
use futures::stream::{BoxStream, iter};

use super::World;
use crate::blobs::{BlobError, Blobs};
use crate::bus::{BusEvent, EventBus};
use crate::secrets::{Secret, Secrets};
use crate::world::{Clock, Entropy};

fn stream(chunks: Vec<Result<&'static [u8], &'static str>>) -> BoxStream<'static, Result<Bytes, String>> {
    iter(
        chunks
            .into_iter()
            .map(|chunk| chunk.map(Bytes::from_static).map_err(str::to_owned)),
    )
    .boxed()
}

/// What is promised of blobs.
pub async fn blobs(blobs: &dyn Blobs, world: World<'_>) {
    let name = |name: &str| format!("{}-{name}", world.prefix);
    let upload = name("upload");
    assert_eq!(blobs.read(&upload, 0, 10).await, Err(BlobError::Missing));
    assert_eq!(
        blobs.delete(&upload).await,
        Ok(()),
        "deleting nothing is no error"
    );

    let parts = || stream(vec![Ok(b"hello "), Ok(b""), Ok(b"wide "), Ok(b"world")]);
    assert_eq!(
        blobs.write(&upload, parts(), 16).await,
        Ok(16),
        "exactly as much as allowed"
    );
    let read = async |offset, length| {
        blobs
            .read(&upload, offset, length)
            .await
            .map(|bytes| bytes.to_vec())
    };
    assert_eq!(read(0, 1_000).await, Ok(b"hello wide world".to_vec()));
    assert_eq!(blobs.length(&upload).await, Ok(16));
    assert_eq!(blobs.length(&name("none")).await, Err(BlobError::Missing));
    assert_eq!(read(6, 4).await, Ok(b"wide".to_vec()));
    assert_eq!(read(11, 100).await, Ok(b"world".to_vec()), "fewer at the end");
    assert_eq!(read(16, 10).await, Ok(Vec::new()), "nothing behind the end");
    assert_eq!(read(1_000, 10).await, Ok(Vec::new()));

    // What fails keeps nothing, and takes nothing away.
    assert_eq!(
        blobs.write(&upload, parts(), 15).await,
        Err(BlobError::TooLarge(15))
    );
    let broken = stream(vec![Ok(b"half"), Err("gone")]);
    assert_eq!(
        blobs.write(&upload, broken, 100).await,
        Err(BlobError::Interrupted("gone".to_owned()))
    );
    assert_eq!(read(0, 5).await, Ok(b"hello".to_vec()));
    let other = name("other");
    assert_eq!(blobs.write(&other, parts(), 3).await, Err(BlobError::TooLarge(3)));
    assert_eq!(blobs.read(&other, 0, 1).await, Err(BlobError::Missing));

    assert_eq!(
        blobs.write(&upload, stream(vec![Ok(b"new")]), 100).await,
        Ok(3),
        "replaces"
    );
    assert_eq!(read(0, 100).await, Ok(b"new".to_vec()));
    assert_eq!(
        blobs.write(&upload, stream(Vec::new()), 100).await,
        Ok(0),
        "an empty one"
    );
    assert_eq!(read(0, 100).await, Ok(Vec::new()));
    assert_eq!(blobs.delete(&upload).await, Ok(()));
    assert_eq!(blobs.read(&upload, 0, 10).await, Err(BlobError::Missing));
}

/// What is promised of secrets.
pub async fn secrets(secrets: &dyn Secrets, world: World<'_>) {
    let name = |tenant: &str| format!("{}/{tenant}/connector/auth_token", world.prefix);
    let (one, other) = (name("one"), name("other"));
    let becomes = async |name: &str, expected: Option<&str>| {
        world
            .eventually("a secret is seen", async || {
                let found = secrets.get(name).await.expect("a secret's read");
                (found.as_ref().map(Secret::expose) == expected).then_some(())
            })
            .await;
    };
    becomes(&one, None).await;
    secrets.delete(&one).await.expect("deleting nothing is no error");
    secrets.put(&one, Secret::new("first é")).await.expect("a put");
    secrets
        .put(&other, Secret::new("of another tenant"))
        .await
        .expect("a put");
    becomes(&one, Some("first é")).await;
    secrets.put(&one, Secret::new("second")).await.expect("a put");
    becomes(&one, Some("second")).await;
    becomes(&other, Some("of another tenant")).await;
    secrets.delete(&one).await.expect("a delete");
    becomes(&one, None).await;
    becomes(&other, Some("of another tenant")).await;
    secrets.delete(&other).await.expect("a delete");
}

/// What is promised of the event bus.
pub async fn bus(bus: &dyn EventBus, world: World<'_>) {
    let event = |n: usize| BusEvent {
        detail_type: "contract.checked".to_owned(),
        detail: format!("{{\"run\":\"{}\",\"n\":{n}}}", world.prefix),
    };
    assert_eq!(bus.publish(Vec::new()).await, Ok(()));
    // More than EventBridge takes in one call.
    assert_eq!(bus.publish((0..25).map(event).collect()).await, Ok(()));
}

/// What is promised of clock and randomness.
pub async fn world(clock: &dyn Clock, entropy: &dyn Entropy, world: World<'_>) {
    let before = clock.now();
    world.pause(Millis::new(5)).await;
    assert!(clock.now() >= before, "time does not run back");
    let bits: BTreeSet<u128> = (0..1_000).map(|_| entropy.bits()).collect();
    assert_eq!(bits.len(), 1_000, "no two alike");
    let used = bits.iter().fold(0, |all, bits| all | bits);
    assert_eq!(used, u128::MAX, "all bits are used");
}
