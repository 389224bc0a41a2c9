use std::fmt;

use url::Url;

use crate::ShopDomain;

/// Where a shop's Admin is: a URL template with `{shop}` in it. Every Shopify URL, the grant page included, is built
/// from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// The template cannot be used.
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
    /// Reads a template that leads to Shopify: https, and the shop's own domain as the host. Another port or a path
    /// before the API's may be added, for a gateway under the same name.
    ///
    /// # Errors
    /// If the template leads elsewhere: [`Endpoint::custom`] takes it, for those who mean it.
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

    /// A template other than Shopify's own, for a simulator or a proxy. Whoever calls this has been asked to:
    /// access tokens and the app's secret are sent there.
    ///
    /// # Errors
    /// If the template does not make a plain http(s) URL, or has no `{shop}`.
    pub fn custom(template: &str) -> Result<Self, InvalidEndpoint> {
        let template = template.trim_end_matches('/');
        if template.matches("{shop}").count() != 1 {
            return Err(InvalidEndpoint);
        }
        let sample = template.replace("{shop}", ShopDomain::sample().as_str());
        // The parser drops them from a whole URL, where the template is but the beginning of one.
        if sample.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
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

    /// Whether this is Shopify itself.
    pub fn is_shopify(&self) -> bool {
        *self == Self::default()
    }

    /// The URL of a path of the shop's, which begins with `/`.
    ///
    /// # Panics
    /// Never: template and domain were checked when they were made.
    pub fn url(&self, shop: &ShopDomain, path: &str) -> Url {
        let base = self.0.replace("{shop}", shop.as_str());
        Url::parse(&format!("{base}{path}")).expect("a checked template and a checked domain")
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
    fn only_shopify_needs_no_asking() {
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
    fn unusable_templates_are_refused() {
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
