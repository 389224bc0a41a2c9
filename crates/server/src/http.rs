//! Defines the HTTP routes and their shared state. The interface is described in `docs/api.md`.

mod access_log;
mod callback;
mod delivery_verifier;
mod error;
mod health;
mod install;
mod log_throttle;
mod oauth_state;
mod page;
mod request;
mod signed_report;
mod webhook;

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Resource, Route, guard};
use secrecy::SecretString;
use tokio::runtime::Handle;

pub use access_log::access_log;
pub use error::ApiError;
pub use oauth_state::{InvalidState, State, StateTokens};

use crate::service::Service;
use crate::settings::{SettingsError, non_empty};
use delivery_verifier::DeliveryVerifier;
use signed_report::SignedReports;

/// The state that the handlers share.
#[derive(Debug)]
pub struct AppState {
    service: Service,
    deliveries: DeliveryVerifier,
    states: StateTokens,
    signed_reports: SignedReports,
    /// The service's runtime. Each HTTP thread has its own runtime, which ends before runs have drained and drops a
    /// request's future when the client disconnects. So handlers run their work here.
    runtime: Handle,
}

impl AppState {
    /// Creates the handlers' state. Must be called within the service's runtime.
    ///
    /// # Errors
    /// If no secret is configured to sign with.
    pub fn new(service: Service) -> Result<Self, SettingsError> {
        let secret = service.settings.signing_secret()?;
        let shopify = &service.settings.shopify;
        Ok(Self {
            deliveries: DeliveryVerifier::new(shopify),
            states: StateTokens::new(&secret, shopify.state_lifetime),
            signed_reports: SignedReports::new(&secret),
            runtime: Handle::current(),
            service,
        })
    }

    /// The app's secrets that Shopify may sign with: the current one, and the previous one during a rotation.
    fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let shopify = &self.service.settings.shopify;
        let secrets = [&shopify.api_secret, &shopify.api_secret_previous];
        secrets.into_iter().filter_map(non_empty)
    }

    /// Runs a request's work to completion, even if the client disconnects.
    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.runtime.spawn(work).await.map_err(ApiError::internal)
    }
}

/// The routes and their state, for the server and for tests.
pub fn configure(app: Arc<AppState>) -> impl Fn(&mut ServiceConfig) + Clone {
    let app = Data::from(app);
    move |config| {
        config
            .app_data(app.clone())
            .service(read_only("/", get_or_head().to(page::landing)))
            .service(read_only("/healthz", get_or_head().to(health::live)))
            .service(read_only("/readyz", get_or_head().to(health::ready)))
            .service(read_only(
                "/shopify/install",
                web::get().to(install::install),
            ))
            .service(read_only(
                "/shopify/callback",
                web::get().to(callback::callback),
            ))
            .service(read_only(
                "/shopify/installed",
                web::get().to(callback::installation_report),
            ))
            // `.*` also matches slashes, so that such a name is rejected as an invalid shop and not as an unknown route.
            .service(read_only(
                "/shopify/{shop_name:.*}/login",
                web::get().to(install::login),
            ))
            .service(
                web::resource("/shopify/webhook")
                    .route(web::post().to(webhook::receive))
                    .default_service(web::to(error::post_only)),
            )
            .default_service(web::to(error::not_found));
    }
}

/// Load balancers check health by GET or HEAD. The installation routes accept GET only, since they have side effects.
fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn read_only(path: &str, get: Route) -> Resource {
    web::resource(path)
        .route(get)
        .default_service(web::to(error::get_only))
}
