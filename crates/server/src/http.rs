//! The HTTP surface: `docs/api.md`.

mod error;
mod health;
mod oauth_state;
mod webhook;

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use secrecy::SecretString;
use shopify_client::webhook::Verifier;
use tokio::runtime::Handle;

pub use error::ApiError;
pub use oauth_state::{InvalidState, StateTokens};

use crate::keys::root_secret;
use crate::service::Service;
use crate::settings::given;

/// What the handlers share.
#[derive(Debug)]
pub struct App {
    service: Service,
    verifier: Verifier,
    states: StateTokens,
    /// Where this process itself is reached, for the self-test of an installation.
    own_address: std::net::SocketAddr,
    /// The service's runtime. Each HTTP thread has a runtime of its own, which ends before runs have drained and drops
    /// a request's work when its client hangs up; so the work is done here.
    runtime: Handle,
}

impl App {
    /// The state of handlers that are reached at `own_address`. Must be called within the service's runtime.
    pub fn new(service: Service, own_address: std::net::SocketAddr) -> Self {
        let shopify = &service.settings.shopify;
        let nothing = SecretString::default();
        let states = StateTokens::new(
            root_secret(shopify).unwrap_or(&nothing),
            shopify.state_lifetime,
        );
        let secrets = [&shopify.api_secret, &shopify.api_secret_previous];
        Self {
            verifier: Verifier::new(secrets.into_iter().filter_map(given)),
            states,
            own_address,
            runtime: Handle::current(),
            service,
        }
    }

    /// Does a request's work to its end, whether or not the client waits for it.
    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.runtime.spawn(work).await.map_err(ApiError::internal)
    }
}

/// The routes and their state, for the server and for tests.
pub fn configure(app: Arc<App>) -> impl Fn(&mut ServiceConfig) + Clone {
    let app = Data::from(app);
    move |config| {
        config
            .app_data(app.clone())
            .route("/healthz", web::get().to(health::live))
            .route("/readyz", web::get().to(health::ready))
            .service(
                web::resource("/shopify/webhook")
                    .route(web::post().to(webhook::receive))
                    .default_service(web::to(error::post_only)),
            )
            .default_service(web::to(error::not_found));
    }
}
