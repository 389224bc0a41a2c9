//! Reads schemas and operations from folders.

use std::path::{Path, PathBuf};

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;

/// A version of the API: its name and its schema.
#[derive(Debug)]
pub struct ApiVersion {
    /// The name, such as `2026-10`.
    pub name: String,
    pub(crate) schema: Valid<Schema>,
}

/// A file with an operation and its fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The path, as shown in findings.
    pub path: PathBuf,
    /// The content.
    pub text: String,
}

/// A file that cannot be read or is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read, or is not UTF-8.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a schema.
    #[error("{}: {reason}", path.display())]
    Schema {
        /// The path.
        path: PathBuf,
        /// The first error.
        reason: String,
    },
    /// The operation is invalid in the pinned version.
    #[error("{}: not a valid operation of version {version}: {reason}", path.display())]
    Operation {
        /// The path.
        path: PathBuf,
        /// The pinned version.
        version: String,
        /// The errors.
        reason: String,
    },
}

fn read(path: &Path) -> Result<String, ReadError> {
    std::fs::read_to_string(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Lists the `.graphql` files of a folder, sorted by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError::Io {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "graphql")
    });
    paths.sort();
    Ok(paths)
}

impl ApiVersion {
    /// Parses a schema in GraphQL's schema definition language.
    ///
    /// # Errors
    /// [`ReadError::Schema`] if it is not a valid schema.
    pub fn parse(name: &str, text: &str, path: &Path) -> Result<Self, ReadError> {
        let schema = Schema::parse_and_validate(text, path).map_err(|failed| {
            let mut reasons = failed.errors.iter();
            ReadError::Schema {
                path: path.to_owned(),
                reason: reasons
                    .next()
                    .map_or_else(String::new, |reason| reason.error.to_string()),
            }
        })?;
        let name = name.to_owned();
        Ok(Self { name, schema })
    }

    /// Reads all `admin-VERSION.graphql` of a folder, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read or parsed.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, ReadError> {
        let mut versions = Vec::new();
        for path in files(folder)? {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let Some(name) = stem.and_then(|stem| stem.strip_prefix("admin-")) {
                versions.push(Self::parse(name, &read(&path)?, &path)?);
            }
        }
        Ok(versions)
    }
}

impl Operation {
    /// Reads all `*.graphql` of a folder.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, ReadError> {
        let read = |path: PathBuf| {
            let text = read(&path)?;
            Ok(Self { path, text })
        };
        files(folder)?.into_iter().map(read).collect()
    }
}
