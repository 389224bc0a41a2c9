//! `shopsync connect`: adds a shop with an access token or by client credentials, without OAuth.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use serde_json::json;
use shopify_client::StaticToken;
use sync_core::ports::SubscriptionAudit;
use sync_core::{Installation, ShopDomain, Token, Trigger, WorkRequest};

use super::{Context, SchemaArguments, shop_argument};
use crate::adapters::{shopify_error, to_client_domain};
use crate::installation::InstallError;
use crate::service::{Overrides, Service};
use crate::terminal::{
    CommandError, ExitStatus, build_runtime, print_error, print_json, print_line, signals,
};

const HELP: &str = "\
Use it for a shop's own custom app, whose access token the admin shows once, or for an app and a shop of the same organisation,
which needs no token. All other shops are installed by their merchant: `shopsync install-url SHOP`.

The token is never passed as an argument, because the process list would show it. It is tested before it is stored, encrypted,
in the database.

Examples:
  shopsync connect my-shop --client-credentials
  shopsync connect my-shop --token-file /run/secrets/my-shop
  pass show my-shop | shopsync connect my-shop";

/// In bytes; longer than any access token. A longer input is not a token.
const MAX_TOKEN_BYTES: u64 = 4_096;

/// The shop and the source of its token.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: ShopDomain,
    /// Read the token from this file instead of standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "client_credentials")]
    token_file: Option<PathBuf>,
    /// Obtain and renew tokens with the app's client id and secret.
    #[arg(long)]
    client_credentials: bool,
    /// Do not request the first full scan; the daily poll or `shopsync sync` runs it.
    #[arg(long)]
    no_sync: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    schema: SchemaArguments,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let mut settings = context.load_for_command()?;
    arguments.schema.apply_to(&mut settings);
    settings.require_for_syncing()?;
    let token = if arguments.client_credentials {
        None
    } else {
        Some(read_token(arguments.token_file.as_deref())?)
    };
    build_runtime()?.block_on(async {
        let shutdown = signals::shutdown_token()?;
        let service = Service::open(settings, Overrides::default()).await?;
        let connected = tokio::select! {
            connected = connect(&service, arguments, token) => connected,
            () = shutdown.cancelled() => Err(CommandError::new(ExitStatus::Interrupted, "interrupted")),
        };
        service.database.close().await;
        connected
    })?;
    Ok(ExitCode::SUCCESS)
}

fn read_token(file: Option<&Path>) -> Result<SecretString, CommandError> {
    let mut text = String::new();
    let read = match file {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut text)),
        None if std::io::stdin().is_terminal() => {
            return Err(CommandError::usage("the token cannot be entered at the terminal, where it would be visible").with_remedy(
                "pass it with --token-file FILE or through a pipe; --client-credentials needs no token",
            ));
        }
        None => std::io::stdin()
            .take(MAX_TOKEN_BYTES)
            .read_to_string(&mut text),
    };
    let place = file.map_or_else(
        || "standard input".to_owned(),
        |path| path.display().to_string(),
    );
    read.map_err(|error| {
        CommandError::usage(format!("cannot read the token from {place}")).with_cause(error)
    })?;
    let token = text.trim();
    let plausible = !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic());
    if plausible {
        Ok(SecretString::from(token))
    } else {
        Err(CommandError::usage(format!("{place} contains no token"))
            .with_remedy("it must contain only the token, such as shpat_…, on one line"))
    }
}

async fn connect(
    service: &Service,
    arguments: &Arguments,
    token: Option<SecretString>,
) -> Result<(), CommandError> {
    let shop = &arguments.shop;
    let installation = match token {
        Some(token) => installation_with_token(service, shop, token).await?,
        None => installation_with_credentials(service, shop).await?,
    };
    let stored = service.install(&installation).await;
    stored.map_err(|error| match error {
        InstallError::MissingScopes(_) => CommandError::failed(error.to_string()).with_remedy(
            "add these scopes to the app, create a new token and connect again; nothing was stored",
        ),
        InstallError::State(error) => CommandError::from_state_port(&error),
    })?;
    let audit = subscribe(service, shop).await?;
    if !arguments.no_sync {
        let request = WorkRequest::full(Trigger::Backfill);
        let now = service.clock.now();
        let requested = service.ports.inbox.request(shop, &request, now).await;
        requested.map_err(|error| CommandError::from_state_port(&error))?;
    }
    print_result(arguments, &installation, audit.as_ref())
}

/// Returns an installation with this token, after Shopify has accepted it.
async fn installation_with_token(
    service: &Service,
    shop: &ShopDomain,
    token: SecretString,
) -> Result<Installation, CommandError> {
    let source = Arc::new(StaticToken::new(token.clone()));
    let client = service.app.client().shop(&to_client_domain(shop), source);
    let scopes = client.granted_scopes().await.map_err(|error| {
        let error = shopify_error("use the token", error);
        CommandError::from_port(&error, shop).with_remedy(
            "check that the token is complete and belongs to this shop; Shopify shows it once, and a new one replaces it",
        )
    })?;
    Ok(Installation {
        domain: shop.clone(),
        token: Token {
            access_token: token,
            expires_at: None,
            refresh_token: None,
            refresh_expires_at: None,
        },
        scopes,
        at: service.clock.now(),
    })
}

async fn installation_with_credentials(
    service: &Service,
    shop: &ShopDomain,
) -> Result<Installation, CommandError> {
    let connected = service.app.connect(shop, service.clock.now()).await;
    connected.map_err(|error| {
        let error = shopify_error("obtain a token by client credentials", error);
        CommandError::from_port(&error, shop).with_remedy(format!(
            "the app must be installed in a shop of its own organisation; otherwise run `shopsync install-url {}`",
            shop.name()
        ))
    })
}

/// Subscribes to webhooks if a webhook address is set.
async fn subscribe(
    service: &Service,
    shop: &ShopDomain,
) -> Result<Option<SubscriptionAudit>, CommandError> {
    if service.settings.shopify.webhook_address.is_empty() {
        print_error(
            "SHOPIFY_WEBHOOK_ADDRESS is not set: no webhooks are subscribed; changes arrive with the daily poll",
        );
        return Ok(None);
    }
    let audit = service.ports.catalog.audit_subscriptions(shop).await;
    let audit = audit.map_err(|error| {
        CommandError::from_port(&error, shop).with_remedy(
            "the shop is connected; run the command again to subscribe to its webhooks",
        )
    })?;
    for (topic, reason) in &audit.failed {
        print_error(format_args!(
            "Shopify refused the webhook subscription for {topic}: {reason}"
        ));
    }
    Ok(Some(audit))
}

fn print_result(
    arguments: &Arguments,
    installation: &Installation,
    audit: Option<&SubscriptionAudit>,
) -> Result<(), CommandError> {
    let shop = &arguments.shop;
    let subscribed = audit.map(|audit| audit.created.len() + audit.updated.len() + audit.kept);
    if arguments.json {
        return print_json(&json!({
            "shop": shop,
            "scopes": installation.scopes,
            "webhooks": audit.map(|audit| json!({
                "subscribed": subscribed,
                "failed": audit.failed.iter().map(|(topic, reason)| json!({
                    "topic": topic, "reason": reason,
                })).collect::<Vec<_>>(),
            })),
            "scan": !arguments.no_sync,
        }));
    }
    print_line(format_args!("connected {shop}"));
    if let Some(subscribed) = subscribed {
        print_line(format_args!("  {subscribed} webhook topics subscribed"));
    }
    let name = shop.name();
    if arguments.no_sync {
        print_line(format_args!(
            "  no full scan was requested; `shopsync sync {name}` runs one now"
        ));
    } else {
        print_line(format_args!(
            "  the first full scan was requested: a running service runs it, or run `shopsync sync {name}` now"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_contains_exactly_one_word() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (content, good) in [
            ("shpat_abc\n", true),
            ("  shpat_abc", true),
            ("", false),
            ("\n", false),
            ("two words", false),
            ("a\nb", false),
        ] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(read_token(Some(&file)).is_ok(), good, "{content:?}");
        }
        let missing = read_token(Some(&folder.path().join("none"))).unwrap_err();
        assert!(missing.report().contains("none"));
    }
}
