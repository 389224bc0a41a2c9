//! Opens an object store by URL or by Space settings.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use url::Url;

use crate::config::{ConfigError, SpacesConfig};
use crate::error::{Error, Result};

/// The address of a store.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// `memory:`; contents are lost when the process ends.
    Memory,
    /// `file:///folder`; created if missing.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store.
    Spaces(Box<SpacesConfig>),
}

impl FromStr for StoreUrl {
    type Err = ConfigError;

    /// Parses `memory:` and `file:///…`. A Space has too many settings for a URL: use [`SpacesConfig`].
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let invalid = |problem| ConfigError::Invalid {
            setting: "store",
            problem,
        };
        let url = Url::parse(text).map_err(|_| invalid("is not a URL"))?;
        match url.scheme() {
            "memory" => Ok(Self::Memory),
            "file" => url
                .to_file_path()
                .map(Self::Folder)
                .map_err(|()| invalid("is not a local folder")),
            _ => Err(invalid("must start with memory: or file:///")),
        }
    }
}

impl From<SpacesConfig> for StoreUrl {
    fn from(config: SpacesConfig) -> Self {
        Self::Spaces(Box::new(config))
    }
}

/// Opens a store, without contacting a Space.
///
/// # Errors
/// If a folder cannot be created or the settings of a Space are invalid.
pub fn open(url: &StoreUrl) -> Result<Arc<dyn ObjectStore>> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(InMemory::new())),
        StoreUrl::Folder(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| Error::Backend(Box::new(error)))?;
            let store = LocalFileSystem::new_with_prefix(folder)?
                .with_fsync(true)
                .with_automatic_cleanup(true);
            Ok(Arc::new(store))
        }
        StoreUrl::Spaces(config) => config.connect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_store_urls() {
        assert!(matches!("memory:".parse(), Ok(StoreUrl::Memory)));
        match "file:///var/lib/shops".parse() {
            Ok(StoreUrl::Folder(folder)) => assert_eq!(folder, PathBuf::from("/var/lib/shops")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rejects_other_urls() {
        for text in [
            "",
            "shops",
            "s3://bucket",
            "https://nyc3.digitaloceanspaces.com",
            "file://host/x",
        ] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }
}
