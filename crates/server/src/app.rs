//! Runs the service: starts the HTTP server, the workers and the periodic jobs together, and drains them together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::{AppState, access_log, configure};
use crate::periodic_jobs::PeriodicJobs;
use crate::run_events::with_run_context;
use crate::service::{OpenError, Overrides, Service};
use crate::settings::{ServerSettings, Settings, non_empty};

/// The time limit for receiving a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open requests may continue after shutdown begins, in seconds.
const REQUEST_DRAIN_SECONDS: u64 = 10;

/// A service that has bound its port and is ready to run.
pub struct Application {
    service: Service,
    server: Server,
    address: SocketAddr,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// Opens the service and binds the port. Requests are handled once [`Application::run_until`] is polled.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn build(settings: Settings, overrides: Overrides) -> Result<Self, OpenError> {
        settings.require_for_serving()?;
        if non_empty(&settings.server.admin_token).is_some() {
            log::warn!("SHOPSYNC_ADMIN_TOKEN is set, but this release has no route that uses it");
        }
        let (listener, address) = listen(&settings.server)?;
        let workers = settings.server.http_workers;
        let service = Service::open(settings, overrides).await?;
        let app = Arc::new(AppState::new(service.clone())?);
        let configure = configure(app);
        let service_of_thread = move || {
            App::new()
                .wrap(from_fn(access_log))
                .configure(configure.clone())
        };
        let server = HttpServer::new(service_of_thread)
            .workers(workers)
            .client_request_timeout(HEAD_TIMEOUT)
            .shutdown_timeout(REQUEST_DRAIN_SECONDS)
            .disable_signals()
            .listen(listener)
            .map_err(|source| OpenError::Listen { address, source })?
            .run();
        Ok(Self {
            service,
            server,
            address,
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address at which this machine reaches it: loopback if it listens on all interfaces.
    pub fn local_address(&self) -> SocketAddr {
        local_address_of(self.address)
    }

    /// The service it runs.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Serves requests and runs workers and periodic jobs until `shutdown` is cancelled. Then drains: open requests are
    /// completed, and runs continue for at most `sync.drain`. An interrupted run starts again at the next start.
    ///
    /// # Errors
    /// If the HTTP server fails.
    pub async fn run_until(self, shutdown: CancellationToken) -> std::io::Result<()> {
        let jobs = self.service.periodic_jobs();
        let mut tasks = JoinSet::new();
        for _ in 0..self.service.settings.sync.workers {
            tasks.spawn(run_worker(self.service.clone(), shutdown.clone()));
        }
        tasks.spawn(run_periodic_jobs(jobs, shutdown.clone()));
        tasks.spawn(stop_server(self.server.handle(), shutdown.clone()));
        log::info!(address:% = self.address; "Listening on http://{}", self.address);
        let result = self.server.await;
        // The server may have stopped without a shutdown; stop the other tasks too.
        shutdown.cancel();
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                log::error!("A task of the service panicked: {error}");
            }
        }
        self.service.database.close().await;
        log::info!("Stopped");
        result
    }
}

async fn run_worker(service: Service, shutdown: CancellationToken) {
    with_run_context(service.engine.work(&service.run_events, &shutdown)).await;
}

async fn run_periodic_jobs(jobs: PeriodicJobs, shutdown: CancellationToken) {
    jobs.run(&shutdown).await;
}

async fn stop_server(server: ServerHandle, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    log::info!("Stopping: draining requests and runs");
    server.stop(true).await;
}

fn listen(settings: &ServerSettings) -> Result<(TcpListener, SocketAddr), OpenError> {
    let address = SocketAddr::new(settings.address, settings.port);
    let failed = |source| OpenError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The loopback address of a listener on all interfaces; any other address unchanged.
fn local_address_of(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_interfaces_is_reached_by_loopback() {
        for (bound, reached) in [
            ("0.0.0.0:5000", "127.0.0.1:5000"),
            ("[::]:5000", "[::1]:5000"),
            ("10.1.2.3:80", "10.1.2.3:80"),
        ] {
            assert_eq!(
                local_address_of(bound.parse().unwrap()),
                reached.parse().unwrap()
            );
        }
    }
}
