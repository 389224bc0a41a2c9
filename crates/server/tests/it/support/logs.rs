//! Captures the log of the test process.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// All log lines of this process, with their fields.
pub(crate) struct Logs(Mutex<String>);

static LOGS: Logs = Logs(Mutex::new(String::new()));

impl Logs {
    /// Starts to capture the log, at every level.
    pub(crate) fn capture() -> &'static Self {
        // Fails if another test of this process has installed it.
        let _ = log::set_logger(&LOGS);
        log::set_max_level(LevelFilter::Trace);
        &LOGS
    }

    /// The captured lines.
    pub(crate) fn text(&self) -> String {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }
}

impl Log for Logs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Trace
    }

    fn log(&self, record: &Record<'_>) {
        struct Fields<'t>(&'t mut String);
        impl<'kvs> log::kv::VisitSource<'kvs> for Fields<'_> {
            fn visit_pair(
                &mut self,
                key: log::kv::Key<'kvs>,
                value: log::kv::Value<'kvs>,
            ) -> Result<(), log::kv::Error> {
                write!(self.0, " {key}={value}")?;
                Ok(())
            }
        }
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(
            text,
            "{} {} {}",
            record.level(),
            record.target(),
            record.args()
        );
        let _ = record.key_values().visit(&mut Fields(&mut text));
        text.push('\n');
    }

    fn flush(&self) {}
}
