//! Checks the operations of a folder against all schemas of another folder, and prints the findings.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::Parser;
use version_drift::{ApiVersion, Finding, Operation, Severity, check, supported_until};

/// List what other versions of the Admin API remove, deprecate or retype in the operations.
///
/// Exits with 1 if an operation does not work with the version in use or a newer one; with 2 if a file cannot be read.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The folder of operations
    #[arg(long, default_value = "crates/shopify-client/operations")]
    operations: PathBuf,
    /// The folder of schemas, each named admin-VERSION.graphql
    #[arg(long, default_value = "crates/shopify-client/schema")]
    schemas: PathBuf,
    /// The version that the operations were written for
    #[arg(long, default_value = shopify_client::API_VERSION)]
    pinned: String,
    /// The day from which the days left are counted
    #[arg(long, default_value_t = system_date())]
    today: NaiveDate,
    /// Exit 1 for warnings too
    #[arg(long)]
    strict: bool,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the default of an option; the check itself takes the date as an argument"
)]
fn system_date() -> NaiveDate {
    chrono::Utc::now().date_naive()
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "version-drift: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether no version in use or newer has a relevant finding.
fn run(options: &Options) -> anyhow::Result<bool> {
    let operations = Operation::read_all(&options.operations)?;
    if operations.is_empty() {
        bail!("no operation in {}", options.operations.display());
    }
    let versions = ApiVersion::read_all(&options.schemas)?;
    let named = |version: &&ApiVersion| version.name == options.pinned;
    let pinned = versions.iter().find(named).with_context(|| {
        let folder = options.schemas.display();
        format!("no schema of version {} in {folder}", options.pinned)
    })?;
    let least = if options.strict {
        Severity::Warning
    } else {
        Severity::Breaking
    };
    let mut passed = true;
    for version in &versions {
        let findings = check(&operations, pinned, version, options.today)?;
        report(options, version, operations.len(), &findings)?;
        let fails = |finding: &Finding| finding.kind.severity() >= least;
        // Findings in older versions do not fail the check.
        if version.name >= pinned.name && findings.iter().any(fails) {
            passed = false;
        }
    }
    Ok(passed)
}

fn report(
    options: &Options,
    version: &ApiVersion,
    operations: usize,
    findings: &[Finding],
) -> std::io::Result<()> {
    let mut out = stdout().lock();
    let of = |severity: Severity| {
        let of_it = |finding: &&Finding| finding.kind.severity() == severity;
        findings.iter().filter(of_it).count()
    };
    let relation = match version.name.cmp(&options.pinned) {
        std::cmp::Ordering::Less => "older",
        std::cmp::Ordering::Equal => "in use",
        std::cmp::Ordering::Greater => "newer",
    };
    let until = supported_until(&version.name).map_or_else(
        || "until an unknown day".to_owned(),
        |until| {
            let days = (until - options.today).num_days();
            format!("until {until}, {days} days")
        },
    );
    writeln!(
        out,
        "{} ({relation}, {until}): {operations} operations, {} breaking, {} warnings, {} notes",
        version.name,
        of(Severity::Breaking),
        of(Severity::Warning),
        of(Severity::Note),
    )?;
    for finding in findings {
        writeln!(out, "  {finding}")?;
    }
    Ok(())
}
