//! Validates shop domains.

use std::fmt;

/// A shop's permanent domain, `name.myshopify.com`, in lower case.
///
/// Request URLs are built only from this type, so that no unvalidated text reaches a URL. Source: Shopify, "Implement
/// authorization code grant manually".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShopDomain(String);

/// The text is not a shop domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a shop domain: expected NAME or NAME.myshopify.com, with letters, digits and hyphens in NAME"
)]
pub struct InvalidShopDomain;

const SUFFIX: &str = ".myshopify.com";

impl ShopDomain {
    /// Parses `name` or `name.myshopify.com`, each with an optional `https://` prefix and `/` suffix, or
    /// `admin.shopify.com/store/name`.
    ///
    /// # Errors
    /// [`InvalidShopDomain`] for anything else: other hosts, ports, user names, paths, white space, non-ASCII letters,
    /// `xn--` labels.
    pub fn parse(text: &str) -> Result<Self, InvalidShopDomain> {
        let lower = text.to_ascii_lowercase();
        let bare = lower.strip_prefix("https://").unwrap_or(&lower);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        let name = bare
            .strip_prefix("admin.shopify.com/store/")
            .or_else(|| bare.strip_suffix(SUFFIX))
            .unwrap_or(bare);
        Self::from_name(name)
    }

    /// Parses `name.myshopify.com` only, as Shopify sends it in parameters and headers.
    ///
    /// # Errors
    /// [`InvalidShopDomain`] for anything else.
    pub fn parse_domain(text: &str) -> Result<Self, InvalidShopDomain> {
        let lower = text.to_ascii_lowercase();
        Self::from_name(lower.strip_suffix(SUFFIX).ok_or(InvalidShopDomain)?)
    }

    fn from_name(name: &str) -> Result<Self, InvalidShopDomain> {
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        // A DNS label has at most 63 characters (RFC 1035, 2.3.4). The prefix `xn--` encodes other scripts (RFC 5890,
        // 2.3.2.1), and most such labels are not valid in a URL.
        let valid = (1..=63).contains(&name.len())
            && !name.starts_with('-')
            && !name.starts_with("xn--")
            && name.bytes().all(legal);
        if valid {
            Ok(Self(format!("{name}{SUFFIX}")))
        } else {
            Err(InvalidShopDomain)
        }
    }

    /// A shop domain for validating endpoint templates.
    pub(crate) fn sample() -> Self {
        Self(format!("sample{SUFFIX}"))
    }

    /// `name.myshopify.com`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ShopDomain {
    type Err = InvalidShopDomain;

    fn from_str(text: &str) -> Result<Self, InvalidShopDomain> {
        Self::parse(text)
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shop_is_parsed_from_several_forms() {
        for text in [
            "my-shop",
            "My-Shop",
            "my-shop.myshopify.com",
            "https://my-shop.myshopify.com/",
            "my-shop.myshopify.com/",
            "admin.shopify.com/store/my-shop",
            "https://admin.shopify.com/store/my-shop",
        ] {
            assert_eq!(
                ShopDomain::parse(text).unwrap().as_str(),
                "my-shop.myshopify.com"
            );
        }
    }

    const HOSTILE: &[&str] = &[
        "",
        " ",
        ".myshopify.com",
        "evil.example",
        "evil.example/",
        "https://evil.example",
        "a.myshopify.com.evil.example",
        "a.myshopify.com@evil",
        "a.myshopify.com@evil.example",
        "evil.example/a.myshopify.com",
        "evil.example#.myshopify.com",
        "evil.example?.myshopify.com",
        "a.myshopify.com:443",
        "a.myshopify.com:443/",
        "a.myshopify.com/admin",
        "a.myshopify.com\n",
        "a\n.myshopify.com",
        "a.myshopify.com\r\nHost: evil",
        "a b.myshopify.com",
        "a%2f.myshopify.com",
        "http://a.myshopify.com",
        "//a.myshopify.com",
        "ａ.myshopify.com",
        "а.myshopify.com",
        "a.myshopify。com",
        "-a.myshopify.com",
        "a.b.myshopify.com",
        "a_b.myshopify.com",
        "admin.shopify.com/store/",
        "admin.shopify.com/store/a/b",
        "admin.shopify.com.evil/store/a",
        "a.myshopify.com//",
        "\0a",
        "xn--a",
        "XN--a.myshopify.com",
        "xn--mnchen-3ya.myshopify.com",
    ];

    #[test]
    fn anything_else_is_rejected() {
        for text in HOSTILE {
            assert_eq!(ShopDomain::parse(text), Err(InvalidShopDomain), "{text:?}");
            assert_eq!(
                ShopDomain::parse_domain(text),
                Err(InvalidShopDomain),
                "{text:?}"
            );
        }
        assert!(ShopDomain::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn parse_domain_accepts_only_the_full_domain() {
        for text in [
            "my-shop",
            "https://my-shop.myshopify.com",
            "my-shop.myshopify.com/",
        ] {
            assert_eq!(
                ShopDomain::parse_domain(text),
                Err(InvalidShopDomain),
                "{text}"
            );
        }
        assert!(ShopDomain::parse_domain("My-Shop.myshopify.com").is_ok());
    }

    proptest! {
        #[test]
        fn every_accepted_text_is_one_host_below_myshopify(
            text in "(https://|admin\\.shopify\\.com/store/)?(xn--)?[a-zA-Z0-9-]{0,8}[-_./:@?#%\\\\ \n\\PC]?\
                [a-z0-9]{0,3}(\\.myshopify\\.com)?/?",
        ) {
            if let Ok(shop) = ShopDomain::parse(&text) {
                let url = url::Url::parse(&format!("https://{shop}/admin")).unwrap();
                prop_assert_eq!(url.host_str(), Some(shop.as_str()));
                prop_assert!(shop.as_str().ends_with(".myshopify.com"));
                prop_assert_eq!(url.path(), "/admin");
                prop_assert!(url.username().is_empty() && url.port().is_none());
            }
        }
    }
}
