//! `shopsync install-url`: prints the address at which a merchant installs the app.

use std::process::ExitCode;

use clap::Args;
use sync_core::ShopDomain;
use url::Url;

use super::{Context, shop_argument};
use crate::login_url::login_url;
use crate::terminal::{CommandError, print_line};

const HELP: &str = "\
The address belongs to the service, not to Shopify: its route creates the OAuth state that the callback verifies. Open it in a
browser that is logged in to the shop's admin.

Examples:
  shopsync install-url my-shop
  xdg-open \"$(shopsync install-url my-shop)\"";

/// The shop to install.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: ShopDomain,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, CommandError> {
    let settings = context.load_for_command()?;
    let redirect = &settings.shopify.redirect_uri;
    if redirect.is_empty() {
        return Err(CommandError::usage("shopify.redirect_uri is not set").with_remedy(
            "set SHOPIFY_REDIRECT_URI to https://YOUR-HOST/shopify/callback: the address is derived from it",
        ));
    }
    let redirect = Url::parse(redirect).map_err(|error| {
        CommandError::usage("SHOPIFY_REDIRECT_URI is not a URL").with_cause(error)
    })?;
    print_line(login_url(&redirect, &arguments.shop));
    Ok(ExitCode::SUCCESS)
}
