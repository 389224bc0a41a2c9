//! Builds every Shopify URL from a validated template.

use std::fmt;

use url::Url;

use crate::ShopDomain;

/// The address of a shop's admin: a URL template with `{shop}` in it. Every Shopify URL is built from it, including the
/// grant page's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// The endpoint template is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an endpoint: expected an http or https URL without query or user name, such as https://{{shop}} or \
     http://127.0.0.1:9292/{{shop}}"
)]
pub struct InvalidEndpoint;

impl Default for Endpoint {
    /// `https://{shop}`: Shopify itself.
    fn default() -> Self {
        Self("https://{shop}".to_owned())
    }
}

impl Endpoint {
    /// Parses a template that points to Shopify: https, with the shop's own domain as the host. The template may add a
    /// port or a path prefix, for a gateway under the same host name.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] if the template points elsewhere. Use [`Endpoint::custom`] if that is intended.
    pub fn parse(template: &str) -> Result<Self, InvalidEndpoint> {
        let endpoint = Self::custom(template)?;
        let sample = ShopDomain::sample();
        let url = endpoint.url(&sample, "/");
        if url.scheme() == "https" && url.host_str() == Some(sample.as_str()) {
            Ok(endpoint)
        } else {
            Err(InvalidEndpoint)
        }
    }

    /// Parses a template that may point anywhere, for a simulator or a proxy. Call it only if the operator requested
    /// it: access tokens and the app's secret are sent to this address.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] if the template is not a plain http or https URL, or does not contain `{shop}` exactly once.
    pub fn custom(template: &str) -> Result<Self, InvalidEndpoint> {
        let template = template.trim_end_matches('/');
        if template.matches("{shop}").count() != 1 {
            return Err(InvalidEndpoint);
        }
        let sample = template.replace("{shop}", ShopDomain::sample().as_str());
        // The URL parser removes them at the end of a URL, but the template is only the start of one.
        if sample.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(InvalidEndpoint);
        }
        let url = Url::parse(&sample).map_err(|_| InvalidEndpoint)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if plain {
            Ok(Self(template.to_owned()))
        } else {
            Err(InvalidEndpoint)
        }
    }

    /// Whether this is the default endpoint, Shopify itself.
    pub fn is_shopify(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the URL of a path of the shop. The path begins with `/`.
    ///
    /// # Panics
    /// Never: template and domain were validated when they were constructed.
    pub fn url(&self, shop: &ShopDomain, path: &str) -> Url {
        let base = self.0.replace("{shop}", shop.as_str());
        Url::parse(&format!("{base}{path}")).expect("a valid template and a valid domain")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_built_from_the_template() {
        let shop = ShopDomain::parse("a").unwrap();
        let url = |endpoint: Endpoint| endpoint.url(&shop, "/admin/oauth").to_string();
        assert_eq!(
            url(Endpoint::default()),
            "https://a.myshopify.com/admin/oauth"
        );
        let simulator = Endpoint::custom("http://127.0.0.1:9292/{shop}/").unwrap();
        assert_eq!(
            url(simulator),
            "http://127.0.0.1:9292/a.myshopify.com/admin/oauth"
        );
        let by_host = Endpoint::custom("https://{shop}:8443").unwrap();
        assert_eq!(url(by_host), "https://a.myshopify.com:8443/admin/oauth");
    }

    #[test]
    fn parse_accepts_only_shopify() {
        for template in ["https://{shop}", "https://{shop}/", "https://{shop}:8443"] {
            assert_eq!(Endpoint::parse(template), Endpoint::custom(template));
        }
        assert!(Endpoint::parse("https://{shop}").unwrap().is_shopify());
        for template in [
            "http://{shop}",
            "http://127.0.0.1:9292/{shop}",
            "https://{shop}.evil.example",
            "https://evil.example/{shop}",
            "https://evil{shop}",
            "https://{shop}@evil.example",
        ] {
            assert_eq!(
                Endpoint::parse(template),
                Err(InvalidEndpoint),
                "{template}"
            );
        }
    }

    #[test]
    fn invalid_templates_are_rejected() {
        for template in [
            "",
            "https://shop",
            "{shop}",
            "ftp://{shop}",
            "https://{shop}/{shop}",
            "https://{shop}?a=b",
            "https://{shop}#x",
            "https://user:password@{shop}",
            "file:///{shop}",
            "https://{shop} ",
            "https://{shop}\n",
            "https://{shop}:8443 ",
        ] {
            for read in [Endpoint::custom, Endpoint::parse] {
                assert_eq!(read(template), Err(InvalidEndpoint), "{template:?}");
            }
        }
    }
}
