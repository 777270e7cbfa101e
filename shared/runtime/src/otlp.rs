//! Spans for an OpenTelemetry collector (OTLP over HTTP), such as the one that runs beside a function as
//! an extension. The exporter's own variables say where it is: `OTEL_EXPORTER_OTLP_ENDPOINT` and its
//! like; `http` only, since the collector stands on the same machine.

use std::sync::OnceLock;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

/// Where the exporter sends to; without it nothing is exported.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that hands spans over, where a collector is named.
pub(crate) fn layer<S>() -> Option<OpenTelemetryLayer<S, Tracer>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    std::env::var_os(ENDPOINT)?;
    // The exporter's client is made with TLS, unused as it is, and wants a provider of the process. Whoever
    // has set one already keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = SpanExporter::builder().with_http().build();
    let exporter = exporter
        .inspect_err(|error| eprintln!("spans are not exported: {error}"))
        .ok()?;
    let provider =
        PROVIDER.get_or_init(|| SdkTracerProvider::builder().with_batch_exporter(exporter).build());
    Some(tracing_opentelemetry::layer().with_tracer(provider.tracer("outbound-campaigns")))
}

/// Sends what has not been sent yet: between invocations a process may stand still.
pub async fn flush() {
    let Some(provider) = PROVIDER.get() else {
        return;
    };
    match tokio::task::spawn_blocking(|| provider.force_flush()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "spans were not exported"),
        Err(error) => tracing::warn!(%error, "spans were not exported"),
    }
}
