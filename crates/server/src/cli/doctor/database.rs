use chrono::DateTime;
use sync_core::ports::RunLog;
use sync_db::Database;

use super::report::Report;
use super::{chain, within_patience};
use crate::service::{OpenError, open_database};
use crate::settings::Loaded;

const SUBJECT: &str = "database";

/// Reachable, up to date, writable. Returns it if it is.
pub(super) async fn examine(loaded: &Loaded, report: &mut Report) -> Option<Database> {
    let shown = shown(loaded);
    let database = match within_patience(open_database(&loaded.settings)).await {
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
            let next = "look whether it is up, whether DATABASE_URL names it rightly, and whether this user may write there";
            report.fail(SUBJECT, format!("{shown}: {}", chain(&error)), next);
            return None;
        }
        None => {
            let next = "look whether it is overloaded, or another process holds it";
            report.fail(SUBJECT, format!("{shown}: no answer in time"), next);
            return None;
        }
    };
    // Takes the lock that every write takes, and finds nothing that old.
    match database.prune(DateTime::UNIX_EPOCH).await {
        Ok(_) => {
            report.ok(
                SUBJECT,
                format!("{shown}: reachable, schema up to date, writable"),
            );
            Some(database)
        }
        Err(error) => {
            let next = "look whether the disk is full and whether this user may write there";
            report.fail(
                SUBJECT,
                format!("{shown} cannot be written: {}", error.chain()),
                next,
            );
            database.close().await;
            None
        }
    }
}

/// Its address without a password.
fn shown(loaded: &Loaded) -> String {
    let url = loaded
        .effective
        .iter()
        .find(|entry| entry.key == "database.url");
    url.map_or_else(String::new, |entry| entry.value.clone())
}
