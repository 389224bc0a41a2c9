//! Connects to a Space with the backend that the Cargo features select.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "_s3")]
mod http;
#[cfg(feature = "_s3")]
mod response;
#[cfg(feature = "rusoto")]
mod rusoto;

use std::sync::Arc;

use object_store::ObjectStore;

#[cfg(feature = "aws")]
pub use self::aws::AwsBackend;
#[cfg(feature = "rusoto")]
pub use self::rusoto::SpacesBackend;
use crate::config::{RetryConfig, SpacesConfig};
use crate::error::Result;
use crate::probe::{Capabilities, probe};

impl SpacesConfig {
    /// Creates the client for this bucket, without using the network.
    ///
    /// With both features, this is the `rusoto` backend; create an `AwsBackend` directly if you need that one.
    ///
    /// # Errors
    /// If the settings are invalid, or no S3 feature is enabled.
    pub fn connect(&self) -> Result<Arc<dyn ObjectStore>> {
        self.validate()?;
        self.client()
    }

    #[cfg(not(feature = "_s3"))]
    #[expect(clippy::unused_self, reason = "the other variants need it")]
    fn client(&self) -> Result<Arc<dyn ObjectStore>> {
        Err(crate::config::ConfigError::MissingFeature("rusoto").into())
    }

    #[cfg(feature = "rusoto")]
    fn client(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(SpacesBackend::new(self)?))
    }

    #[cfg(all(feature = "aws", not(feature = "rusoto")))]
    fn client(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(AwsBackend::new(self)?))
    }

    /// Probes the bucket with a temporary object and a single retry.
    ///
    /// # Errors
    /// The variant names the problem: see [`probe`](crate::probe()).
    pub async fn check(&self) -> Result<Capabilities> {
        let mut once = self.clone();
        once.retry = RetryConfig {
            max_retries: 1,
            ..self.retry
        };
        probe(once.connect()?).await
    }
}
