//! Derives the address of the login route from that of the callback.

use sync_core::ShopDomain;
use url::Url;

/// Returns the URL of the login route for a shop, with the path prefix that a proxy puts before the callback.
pub(crate) fn login_url(redirect: &Url, shop: &ShopDomain) -> Url {
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
    fn the_login_url_shares_the_prefix_of_the_callback() {
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
            assert_eq!(login_url(&redirect, &shop).as_str(), login);
        }
    }
}
