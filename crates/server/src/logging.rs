//! The log: readable lines on a terminal, JSON lines elsewhere. See `docs/logging.md`.

use std::io::{IsTerminal, Write};

use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Value, VisitSource};

use crate::settings::{LogFormat, LogSettings};

/// Starts the log on standard error. Later calls change nothing: one process has one log.
pub fn start(settings: &LogSettings) {
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&settings.filter);
    if json {
        builder.format(write_json);
    } else {
        builder.format_timestamp_millis();
    }
    // Fails if a log was started before: the first one stays.
    let _ = builder.try_init();
}

fn write_json(out: &mut Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let mut line = serde_json::Map::new();
    line.insert("time".into(), out.timestamp_millis().to_string().into());
    line.insert("level".into(), record.level().as_str().into());
    line.insert("target".into(), record.target().into());
    line.insert("message".into(), record.args().to_string().into());
    let mut fields = Fields(&mut line);
    if record.key_values().visit(&mut fields).is_err() {
        line.insert("fields_lost".into(), true.into());
    }
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

struct Fields<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let json = if let Some(number) = value.to_u64() {
            number.into()
        } else if let Some(number) = value.to_i64() {
            number.into()
        } else if let Some(number) = value.to_f64() {
            number.into()
        } else if let Some(flag) = value.to_bool() {
            flag.into()
        } else {
            value.to_string().into()
        };
        // A field never replaces one of the line's own.
        self.0.entry(key.as_str()).or_insert(json);
        Ok(())
    }
}
