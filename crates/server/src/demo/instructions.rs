//! Formats the demo's instructions: where everything runs and commands to try. Every command works when it is pasted into
//! another terminal.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::environment::{DemoEnvironment, SHOP};
use crate::terminal::CommandError;
use crate::terminal::text::document_key;

/// Returns one line for each address, file and key of the demo.
pub(super) fn addresses(demo: &DemoEnvironment) -> Vec<String> {
    let spaces = &demo.settings.spaces;
    let endpoint = spaces.endpoint_url();
    let line = |name: &str, place: String| format!("  {name:9} {place}");
    vec![
        String::new(),
        line(
            "snapshot",
            format!(
                "{} in bucket {} at {endpoint}",
                document_key(&demo.domain),
                spaces.bucket
            ),
        ),
        line("file", demo.document_file().display().to_string()),
        line(
            "S3 keys",
            format!(
                "access key {}, secret key {} (valid only for this demo)",
                spaces.access_key.expose_secret(),
                spaces.secret_key.expose_secret(),
            ),
        ),
        line("service", format!("{}healthz", demo.address)),
        line("settings", demo.folder().join(".env").display().to_string()),
    ]
}

/// Returns the commands to try, each below a comment that says what it shows.
pub(super) fn commands(demo: &DemoEnvironment) -> Result<Vec<String>, CommandError> {
    let file = shell_quoted(&demo.document_file());
    let shopsync = shell_quoted(&write_wrapper_script(demo.folder())?);
    let mut lines = vec![String::new(), "Try, in another terminal:".to_owned()];
    for (what, command) in [
        (
            "the snapshot: titles and prices",
            format!(
                "jq -c '.data.products.edges[].node | {{title, price: .variants.edges[0].node.price}}' {file} | head -5"
            ),
        ),
        (
            "change a price; the new snapshot is reported below",
            change_price(demo, "12.34")?.curl(),
        ),
        (
            "compare without writing: nothing has changed",
            format!("{shopsync} sync {SHOP} --dry-run"),
        ),
        (
            "a full scan: unchanged, nothing is uploaded",
            format!("{shopsync} sync {SHOP}"),
        ),
        ("the shop and its last run", format!("{shopsync} shops")),
        ("check everything", format!("{shopsync} doctor")),
        (
            "the snapshot over S3, with a signed request",
            s3_command(demo),
        ),
    ] {
        lines.push(format!("  # {what}"));
        lines.push(format!("  {command}"));
    }
    lines.push(String::new());
    lines.push(match demo.kept_folder() {
        Some(folder) => format!(
            "Runs are reported here. Ctrl-C stops everything and keeps {}.",
            folder.display()
        ),
        None => {
            "Runs are reported here. Ctrl-C stops everything and deletes its folder.".to_owned()
        }
    });
    Ok(lines)
}

/// A request to the simulator's control API that changes a product's price.
pub(super) struct PriceChange {
    pub(super) url: String,
    pub(super) body: serde_json::Value,
    /// The id of the product.
    pub(super) product: u64,
    /// The title of the product.
    pub(super) title: String,
    /// The price before the change.
    pub(super) before: String,
}

impl PriceChange {
    /// Formats the request as a `curl` command.
    fn curl(&self) -> String {
        format!(
            "curl -fsS -X PUT '{}' -H 'Content-Type: application/json' -d '{}'",
            self.url, self.body
        )
    }
}

/// Returns the request that sets the price of every variant of the first product.
pub(super) fn change_price(
    demo: &DemoEnvironment,
    price: &str,
) -> Result<PriceChange, CommandError> {
    let products = demo.shop.products(1);
    let product = products.first().ok_or_else(|| {
        CommandError::failed("the shop has no product, so no price can be changed")
    })?;
    Ok(PriceChange {
        url: format!(
            "{}/_sim/{SHOP}/products/{}/price",
            demo.simulator_address(),
            product.id
        ),
        body: serde_json::json!({"price": price}),
        product: product.id,
        title: product.title.clone(),
        before: product.price.clone(),
    })
}

/// Returns the command that reads the document over S3.
fn s3_command(demo: &DemoEnvironment) -> String {
    let spaces = &demo.settings.spaces;
    let url = format!(
        "{}{}/{}",
        spaces.endpoint_url(),
        spaces.bucket,
        document_key(&demo.domain)
    );
    // S3 requires the hash of the body in a header; the request has no body.
    format!(
        "curl -fsS --aws-sigv4 'aws:amz:{}:s3' --user '{}:{}' -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' '{url}' | head -c 200",
        spaces.region,
        spaces.access_key.expose_secret(),
        spaces.secret_key.expose_secret(),
    )
}

/// Writes a script that runs this binary with the settings of the demo and no others, so that variables of the user's
/// environment for a real shop or Space have no effect.
fn write_wrapper_script(folder: &Path) -> Result<PathBuf, CommandError> {
    let failed =
        |error| CommandError::failed("cannot write the script `shopsync`").with_cause(error);
    let binary = std::env::current_exe().map_err(failed)?;
    let script = format!(
        "#!/bin/sh\n# Runs shopsync with the settings of this demo only.\ncd {} &&\n\
         exec env -i PATH=\"$PATH\" HOME=\"$HOME\" TERM=\"${{TERM:-dumb}}\" {} \"$@\"\n",
        shell_quoted(folder),
        shell_quoted(&binary),
    );
    let path = folder.join("shopsync");
    std::fs::write(&path, script).map_err(failed)?;
    #[cfg(unix)]
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).map_err(failed)?;
    Ok(path)
}

/// Quotes a path for the shell if necessary.
fn shell_quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_special_characters_are_quoted() {
        for (path, shell) in [
            ("/tmp/a-b.c", "/tmp/a-b.c"),
            ("/tmp/a b", "'/tmp/a b'"),
            ("/tmp/$a", "'/tmp/$a'"),
            ("/tmp/it's", r"'/tmp/it'\''s'"),
        ] {
            assert_eq!(shell_quoted(Path::new(path)), shell);
        }
    }
}
