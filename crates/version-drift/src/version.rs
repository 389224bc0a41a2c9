use std::path::{Path, PathBuf};

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;

/// A version of the API: its name and its schema.
#[derive(Debug)]
pub struct ApiVersion {
    /// Such as `2026-10`.
    pub name: String,
    pub(crate) schema: Valid<Schema>,
}

/// A file with an operation and its fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Where it is, as shown in findings.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there, or is no text.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no schema.
    #[error("{}: {reason}", path.display())]
    Schema {
        /// Which.
        path: PathBuf,
        /// The first reason.
        reason: String,
    },
    /// The operation is not right even in the version it was written for.
    #[error("{}: not an operation of version {version}: {reason}", path.display())]
    Operation {
        /// Which.
        path: PathBuf,
        /// The pinned version.
        version: String,
        /// The first reason.
        reason: String,
    },
}

fn read(path: &Path) -> Result<String, ReadError> {
    std::fs::read_to_string(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })
}

/// The files of a folder with this ending, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError::Io {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "graphql"));
    paths.sort();
    Ok(paths)
}

impl ApiVersion {
    /// Reads a schema in GraphQL's own language.
    ///
    /// # Errors
    /// [`ReadError::Schema`] if it is none.
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
    /// If one cannot be read.
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
    /// If one cannot be read.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, ReadError> {
        let read = |path: PathBuf| {
            let text = read(&path)?;
            Ok(Self { path, text })
        };
        files(folder)?.into_iter().map(read).collect()
    }
}
