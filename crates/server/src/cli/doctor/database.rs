//! Checks that the database exists, can be reached, has the current schema and is writable. Changes nothing.

use std::time::Duration;

use chrono::DateTime;
use secrecy::ExposeSecret;
use sync_core::error_chain;
use sync_core::ports::RunLog;
use sync_db::{Database, SchemaState};
use tokio::net::TcpStream;
use url::Url;

use super::report::Report;
use super::with_timeout;
use crate::service::{OpenError, open_database};
use crate::settings::{LoadedSettings, Settings};
use crate::terminal::CommandError;

const SUBJECT: &str = "database";

/// How long a TCP connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Opens the database and checks that it is writable. Returns it if all checks pass.
pub(super) async fn examine(loaded: &LoadedSettings, report: &mut Report) -> Option<Database> {
    let url = display_url(loaded);
    let database = match with_timeout(open_database(&loaded.settings)).await {
        Some(Ok(database)) => database,
        // Already reported among the settings.
        Some(Err(OpenError::Settings(_))) => {
            report.skip(
                SUBJECT,
                "not checked: no secret is set to encrypt tokens with",
            );
            return None;
        }
        Some(Err(error)) => {
            let mut detail = format!("{url}: {}", error_chain(&error));
            if let Some(reason) = connection_failure(&loaded.settings).await {
                detail = format!("{url}: {reason}");
            }
            let is_new = is_new(&error);
            let remedy = CommandError::from(error).remedy();
            if is_new {
                report.warn(SUBJECT, detail, remedy);
            } else {
                report.fail(SUBJECT, detail, remedy);
            }
            return None;
        }
        None => {
            let remedy = "check whether the database is overloaded or locked by another process";
            report.fail(SUBJECT, format!("{url}: no response in time"), remedy);
            return None;
        }
    };
    // Takes the write lock; deletes nothing, since no row is that old.
    match database.prune(DateTime::UNIX_EPOCH).await {
        Ok(_) => {
            report.ok(
                SUBJECT,
                format!("{url}: reachable, schema up to date, writable"),
            );
            Some(database)
        }
        Err(error) => {
            let remedy =
                "check that the disk is not full and that this user may write to the database";
            report.fail(
                SUBJECT,
                format!("{url} cannot be written: {}", error.chain()),
                remedy,
            );
            database.close().await;
            None
        }
    }
}

/// Whether the service creates the database, or its schema, when it first starts.
fn is_new(error: &OpenError) -> bool {
    let OpenError::Database(error) = error else {
        return false;
    };
    matches!(
        error.as_ref(),
        sync_db::Error::Absent { .. } | sync_db::Error::Schema(SchemaState::Empty)
    )
}

/// Returns why a connection to the database server fails. (The pool reports only a timeout.)
async fn connection_failure(settings: &Settings) -> Option<String> {
    if settings.database.is_sqlite() {
        return None;
    }
    let url = Url::parse(settings.database.url.expose_secret()).ok()?;
    let (host, port) = (url.host_str()?.to_owned(), url.port().unwrap_or(5432));
    let connected =
        tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port)));
    match connected.await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("no connection to {host}:{port}: {error}")),
        Err(_) => Some(format!(
            "no connection to {host}:{port}: no response in time"
        )),
    }
}

/// Returns the URL of the database without the password.
fn display_url(loaded: &LoadedSettings) -> String {
    let setting = loaded
        .effective
        .iter()
        .find(|entry| entry.key == "database.url");
    setting.map_or_else(String::new, |entry| entry.value.clone())
}
