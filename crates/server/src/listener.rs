//! The socket and what stands beside the API on it: `/healthz` and `/metrics`.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use assay_api::App;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::task::JoinSet;

use crate::farewell::Farewell;
use crate::telemetry;
use crate::tls::Certificates;

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// A server on a socket.
pub(crate) struct Listening {
    handle: Handle<SocketAddr>,
    serving: JoinSet<std::io::Result<()>>,
}

impl Listening {
    /// Takes no more connections and waits for those that are there.
    pub(crate) async fn drain(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.handle.graceful_shutdown(Some(patience));
        while let Some(ended) = self.serving.join_next().await {
            ended.context("the listener crashed")?.context("the listener failed")?;
        }
        Ok(())
    }
}

/// Takes the address. Without TLS it must be one that only this machine reaches.
pub(crate) fn bind(listen: &str, tls: bool, insecure: bool) -> anyhow::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .with_context(|| format!("\"{listen}\" is no address to listen on; write HOST:PORT, e.g. 127.0.0.1:8080"))?
        .collect();
    if !tls && !insecure && !addresses.iter().all(|address| address.ip().is_loopback()) {
        anyhow::bail!(
            "refusing to listen on {listen} without TLS: keys would cross the network in the clear. Use --tls self-signed \
             or --tls CERTIFICATE,KEY; behind a proxy that speaks TLS say --insecure-http"
        );
    }
    let socket = TcpListener::bind(&*addresses).with_context(|| {
        format!("cannot listen on {listen}: is another server running there? Name another address with --listen")
    })?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Adds the probes, which need no key.
pub(crate) fn with_probes(router: Router, app: Arc<App>) -> Router {
    let health = move || {
        let app = app.clone();
        async move {
            match app.store().backlog().await {
                Ok(_) => (StatusCode::OK, "ready\n"),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
            }
        }
    };
    let figures =
        || async { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], telemetry::metrics()).into_response() };
    router.route("/healthz", get(health)).route("/metrics", get(figures))
}

/// Serves until drained.
pub(crate) fn serve(
    socket: TcpListener,
    certificates: Option<Certificates>,
    router: Router,
) -> anyhow::Result<(SocketAddr, Listening)> {
    let address = socket.local_addr()?;
    let handle = Handle::new();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut serving = JoinSet::new();
    match certificates {
        None => {
            let mut server = axum_server::from_tcp(socket)?.acceptor(Farewell).handle(handle.clone());
            limits(server.http_builder());
            serving.spawn(server.serve(service));
        }
        Some(certificates) => {
            let config = RustlsConfig::from_config(certificates.config);
            let acceptor = RustlsAcceptor::new(config).acceptor(Farewell);
            let mut server = axum_server::from_tcp(socket)?.acceptor(acceptor).handle(handle.clone());
            limits(server.http_builder());
            serving.spawn(server.serve(service));
        }
    }
    Ok((address, Listening { handle, serving }))
}

fn limits(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    let timer = hyper_util::rt::TokioTimer::new;
    builder.http1().timer(timer()).header_read_timeout(HEAD_PATIENCE);
    builder.http2().timer(timer()).max_header_list_size(64 << 10).max_concurrent_streams(128);
}
