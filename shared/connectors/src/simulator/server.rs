//! Serves HTTP, and closes connections instead of answering where an answer is to be lost.

use axum::Router;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Marks a response that must not be sent: the connection is closed instead.
#[derive(Clone, Copy)]
struct LoseAnswer;

/// A response that is not sent.
pub(super) fn lost() -> Response {
    axum::Extension(LoseAnswer).into_response()
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
struct LostAnswer;

/// Accepts connections until it is stopped. `axum::serve` would always answer; hyper closes the
/// connection when the service fails.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of file descriptors, or a peer that is gone already.
                Err(error) => {
                    tracing::debug!(%error, "the simulator could not accept a connection");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
        };
        tasks.spawn(converse(stream, router.clone(), stop.clone()));
    }
}

async fn converse(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Without it, small answers wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let Ok(response) = router.oneshot(request).await;
            if response.extensions().get::<LoseAnswer>().is_some() {
                Err(LostAnswer)
            } else {
                Ok(response)
            }
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = connection => {}
    }
}
