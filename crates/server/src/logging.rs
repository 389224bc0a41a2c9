//! Formats log lines: text on a terminal, JSON elsewhere. See `docs/logging.md`.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Value, VisitSource};
use serde_json::{Map, Value as Json};

use crate::run_events::current_run;
use crate::settings::{LogFormat, LogSettings};

/// Installs the logger, which writes to standard error. Later calls change nothing.
pub fn init(settings: &LogSettings) {
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(&settings.filter);
    builder.format(if json { write_json } else { write_human });
    // Fails if a logger is installed already; that one stays.
    let _ = builder.try_init();
}

fn write_json(out: &mut Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let time = out.timestamp_millis().to_string();
    let line = json_line(&time, record);
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn json_line(time: &str, record: &log::Record<'_>) -> Map<String, Json> {
    let mut line = Map::new();
    line.insert("time".into(), time.into());
    line.insert("level".into(), record.level().as_str().into());
    line.insert("target".into(), record.target().into());
    line.insert("message".into(), record.args().to_string().into());
    // A record's field never replaces one of the four above.
    for (key, value) in fields(record) {
        line.entry(key).or_insert(value);
    }
    line
}

fn write_human(out: &mut Formatter, record: &log::Record<'_>) -> std::io::Result<()> {
    let level = record.level();
    let style = out.default_level_style(level);
    let time = out.timestamp_seconds();
    let text = human_text(record);
    writeln!(out, "{time} {style}{level:5}{style:#} {text}")
}

fn human_text(record: &log::Record<'_>) -> String {
    let mut text = record.args().to_string();
    let mut before = "  [";
    for (key, value) in fields(record) {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{before}{key}={value}");
        before = " ";
    }
    if before == " " {
        text.push(']');
    }
    // One record is one line, even if a value from a shop contains line breaks.
    text.replace(['\n', '\r'], " ")
}

/// The record's fields, and the shop and run that its task is executing.
fn fields(record: &log::Record<'_>) -> Map<String, Json> {
    let mut fields = FieldCollector(Map::new());
    if record.key_values().visit(&mut fields).is_err() {
        fields.0.insert("fields_lost".into(), true.into());
    }
    if let Some((shop, run)) = current_run() {
        let mut add = |key: &str, value: Json| {
            fields.0.entry(key).or_insert(value);
        };
        add("shop", shop.as_str().into());
        add("run", run.to_string().into());
    }
    fields.0
}

struct FieldCollector(Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for FieldCollector {
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
        self.0.insert(key.as_str().to_owned(), json);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_events::{RunEvents, with_run_context};
    use log::{Level, Record};
    use sync_core::progress::{Event, Observer, Progress};
    use sync_core::{RunId, Trigger};

    #[test]
    fn fields_keep_their_types_and_never_replace_the_standard_fields() {
        let pairs = [
            ("count", Value::from(3_u64)),
            ("full", Value::from(true)),
            ("message", Value::from("forged")),
        ];
        let record = Record::builder()
            .level(Level::Info)
            .target("t")
            .args(format_args!("a message"))
            .key_values(&pairs)
            .build();
        let line = Json::Object(json_line("now", &record));
        assert_eq!(
            line,
            serde_json::json!({
                "time": "now", "level": "INFO", "target": "t", "message": "a message",
                "count": 3, "full": true,
            })
        );
    }

    #[tokio::test]
    async fn every_line_of_a_run_has_shop_and_run() {
        with_run_context(async {
            let started = Progress::Started {
                trigger: Trigger::Poll,
                full: true,
            };
            let shop = "a.myshopify.com".parse().unwrap();
            RunEvents::default().observe(&Event::Run {
                shop,
                run: Some(RunId(9)),
                progress: started,
            });
            let record = Record::builder().args(format_args!("waits\nlong")).build();
            let line = json_line("now", &record);
            assert_eq!(
                (&line["shop"], &line["run"]),
                (&"a.myshopify.com".into(), &"9".into())
            );
            assert_eq!(
                human_text(&record),
                "waits long  [run=9 shop=a.myshopify.com]"
            );
        })
        .await;
        let record = Record::builder().args(format_args!("idle")).build();
        assert_eq!(human_text(&record), "idle");
    }
}
