use std::time::Duration;

use chrono::DateTime;
use secrecy::ExposeSecret;
use sync_core::ports::RunLog;
use sync_db::Database;
use tokio::net::TcpStream;
use url::Url;

use super::report::Report;
use super::{error_chain, with_timeout};
use crate::service::{OpenError, open_database};
use crate::settings::{LoadedSettings, Settings};

const SUBJECT: &str = "database";

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Reachable, up to date, writable. Returns it if it is.
pub(super) async fn examine(loaded: &LoadedSettings, report: &mut Report) -> Option<Database> {
    let url = display_url(loaded);
    let database = match with_timeout(open_database(&loaded.settings)).await {
        Some(Ok(database)) => database,
        // Named among the settings already.
        Some(Err(OpenError::Settings(_))) => {
            report.skip(
                SUBJECT,
                "without a secret to seal tokens with it is not opened",
            );
            return None;
        }
        Some(Err(error)) => {
            let remedy = "look whether it is up, whether DATABASE_URL names it rightly, and whether this user may write there";
            let mut detail = format!("{url}: {}", error_chain(&error));
            if let Some(reason) = connection_failure(&loaded.settings).await {
                detail = format!("{url}: {reason}");
            }
            report.fail(SUBJECT, detail, remedy);
            return None;
        }
        None => {
            let remedy = "look whether it is overloaded, or another process holds it";
            report.fail(SUBJECT, format!("{url}: no answer in time"), remedy);
            return None;
        }
    };
    // Takes the lock that every write takes, and finds nothing that old.
    match database.prune(DateTime::UNIX_EPOCH).await {
        Ok(_) => {
            report.ok(
                SUBJECT,
                format!("{url}: reachable, schema up to date, writable"),
            );
            Some(database)
        }
        Err(error) => {
            let remedy = "look whether the disk is full and whether this user may write there";
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

/// Why no connection to a database server comes about. (The pool waits for one, and says only that it has waited.)
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
        Err(_) => Some(format!("no connection to {host}:{port}: no answer in time")),
    }
}

/// Its address without a password.
fn display_url(loaded: &LoadedSettings) -> String {
    let setting = loaded
        .effective
        .iter()
        .find(|entry| entry.key == "database.url");
    setting.map_or_else(String::new, |entry| entry.value.clone())
}
