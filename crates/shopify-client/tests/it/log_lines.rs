//! Keeps what is logged, so that tests can look at it.

use std::fmt::Write;
use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};

struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));
static INSTALL: Once = Once::new();

struct Values(String);

impl<'kvs> log::kv::VisitSource<'kvs> for Values {
    fn visit_pair(
        &mut self,
        key: log::kv::Key<'kvs>,
        value: log::kv::Value<'kvs>,
    ) -> Result<(), log::kv::Error> {
        let _ = write!(self.0, " {key}={value}");
        Ok(())
    }
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("shopify_client")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut values = Values(record.args().to_string());
            record.key_values().visit(&mut values).unwrap();
            let line = format!("{} {}", record.level(), values.0);
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

/// Begins to keep lines.
pub(crate) fn keep() {
    INSTALL.call_once(|| {
        log::set_logger(&LINES).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
}

/// The lines so far that contain a text.
pub(crate) fn with(text: &str) -> Vec<String> {
    let lines = LINES.0.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(text))
        .cloned()
        .collect()
}
