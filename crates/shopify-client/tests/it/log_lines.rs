//! Captures log lines, so that tests can check them.

use std::fmt::Write;
use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};

struct CapturedLines(Mutex<Vec<String>>);

static LINES: CapturedLines = CapturedLines(Mutex::new(Vec::new()));
static INSTALL: Once = Once::new();

struct KeyValues(String);

impl<'kvs> log::kv::VisitSource<'kvs> for KeyValues {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        let _ = write!(self.0, " {key}={value}");
        Ok(())
    }
}

impl Log for CapturedLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("shopify_client")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut values = KeyValues(record.args().to_string());
            record.key_values().visit(&mut values).unwrap();
            let line = format!("{} {}", record.level(), values.0);
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

/// Starts capturing.
pub(crate) fn capture() {
    INSTALL.call_once(|| {
        log::set_logger(&LINES).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}

/// The lines so far that contain a text.
pub(crate) fn containing(text: &str) -> Vec<String> {
    let lines = LINES.0.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(text))
        .cloned()
        .collect()
}
