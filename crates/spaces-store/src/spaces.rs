//! Connecting to a Space.

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
    /// Makes the client for this bucket; the network is not asked yet.
    ///
    /// With both features, `rusoto` is taken; `AwsBackend` can be made by its own name.
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

    /// Tries the bucket out with a small object, without long retries. The error's variant is the diagnosis.
    pub async fn check(&self) -> Result<Capabilities> {
        let mut once = self.clone();
        once.retry = RetryConfig {
            max_retries: 1,
            ..self.retry
        };
        probe(once.connect()?).await
    }
}
