use std::process::ExitCode;

use clap::Args;
use sync_core::ShopDomain;
use url::Url;

use super::{Context, Failure, say, shop_argument};

const HELP: &str = "\
The address is the service's own, not Shopify's: it makes the state that the callback checks. Open it in a browser that is
logged in to the shop.

Examples:
  shopsync install-url my-shop
  xdg-open \"$(shopsync install-url my-shop)\"";

/// Which shop.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The shop: NAME, NAME.myshopify.com, or the address of its admin.
    #[arg(value_parser = shop_argument)]
    shop: ShopDomain,
}

pub(crate) fn run(arguments: &Arguments, context: Context<'_>) -> Result<ExitCode, Failure> {
    let settings = context.load_quietly()?;
    let redirect = &settings.shopify.redirect_uri;
    if redirect.is_empty() {
        return Err(Failure::usage("shopify.redirect_uri is not set").next(
            "set SHOPIFY_REDIRECT_URI to https://YOUR-HOST/shopify/callback: the address is made from it",
        ));
    }
    let redirect = Url::parse(redirect)
        .map_err(|error| Failure::usage("SHOPIFY_REDIRECT_URI is not a URL").because(error))?;
    say(login_address(&redirect, &arguments.shop));
    Ok(ExitCode::SUCCESS)
}

/// The login route beside the callback, whatever a proxy puts before both.
pub(crate) fn login_address(redirect: &Url, shop: &ShopDomain) -> Url {
    let before = redirect.path().strip_suffix("/shopify/callback");
    let path = format!(
        "{}/shopify/{}/login",
        before.unwrap_or_default(),
        shop.name()
    );
    let mut address = redirect.clone();
    address.set_path(&path);
    address.set_query(None);
    address.set_fragment(None);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_lies_beside_the_callback() {
        let shop = "a-b.myshopify.com".parse().unwrap();
        for (redirect, login) in [
            (
                "https://h.example/shopify/callback",
                "https://h.example/shopify/a-b/login",
            ),
            (
                "http://h:81/x/shopify/callback?y=1#z",
                "http://h:81/x/shopify/a-b/login",
            ),
            (
                "https://h.example/other",
                "https://h.example/shopify/a-b/login",
            ),
        ] {
            let redirect = Url::parse(redirect).unwrap();
            assert_eq!(login_address(&redirect, &shop).as_str(), login);
        }
    }
}
