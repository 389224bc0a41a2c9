//! Builds the HTTP client for requests that go neither to Shopify's API nor to the Space.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, NoProxy};
use secrecy::ExposeSecret;

use crate::settings::{NetworkSettings, Proxy};

/// A client builder with the configured proxy, which follows no redirects.
///
/// # Errors
/// If the proxy cannot be used.
pub(crate) fn builder(network: &NetworkSettings) -> reqwest::Result<ClientBuilder> {
    // Fails if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(Policy::none())
        // The settings have read the proxy variables; reqwest must not read them again.
        .no_proxy();
    let Some(Proxy { url, bypass }) = network.proxy() else {
        return Ok(client);
    };
    let proxy = reqwest::Proxy::all(url.expose_secret())?;
    Ok(client.proxy(proxy.no_proxy(NoProxy::from_string(&bypass.join(",")))))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::adapters::ShopifyApp;
    use crate::service::spaces_config;
    use crate::settings::{Environment, Settings};

    /// A proxy that accepts requests and never responds.
    struct Proxy(TcpListener);

    impl Proxy {
        async fn start() -> Self {
            Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
        }

        fn settings(&self, no_proxy: &str) -> Settings {
            let url = format!("user:ge%40heim@{}", self.0.local_addr().unwrap());
            let variables = [
                ("HTTPS_PROXY", url.as_str()),
                ("NO_PROXY", no_proxy),
                ("SHOPIFY_API_KEY", "key"),
                ("SHOPIFY_API_SECRET", "secret"),
                ("SPACES_ACCESS_KEY", "access"),
                ("SPACES_SECRET_KEY", "secret"),
                ("SPACES_BUCKET", "bucket"),
            ];
            let environment = Environment::from_pairs(variables);
            let loaded = Settings::from_layers(None, &Environment::default(), &environment);
            loaded.unwrap().settings
        }

        /// The head of the first request that `request` sends to it.
        async fn request_head<T: std::fmt::Debug>(
            &self,
            request: impl Future<Output = T>,
        ) -> String {
            let listening = async {
                let (mut stream, _) = self.0.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
                }
                String::from_utf8(head).unwrap()
            };
            tokio::select! {
                head = listening => head,
                response = request => panic!("no request reached the proxy: {response:?}"),
            }
        }
    }

    /// The proxy sees only the target of the tunnel and its own credentials.
    #[track_caller]
    fn assert_tunnel(head: &str, to: &str) {
        assert!(
            head.starts_with(&format!("CONNECT {to} HTTP/1.1\r\n")),
            "{head}"
        );
        // user:ge@heim
        let head = head.to_lowercase();
        assert!(
            head.contains("proxy-authorization: basic dxnlcjpnzubozwlt"),
            "{head}"
        );
        for secret in ["key", "secret", "access", "aws4", "path"] {
            assert!(!head.contains(secret), "{head}");
        }
    }

    #[tokio::test]
    async fn shopify_the_space_and_other_requests_use_the_proxy() {
        let proxy = Proxy::start().await;
        let settings = proxy.settings("internal.example");
        let app = ShopifyApp::new(&settings.shopify, &settings.network).unwrap();
        let shop = "a.myshopify.com".parse().unwrap();
        let now = crate::adapters::SystemClock;
        let now = sync_core::ports::Clock::now(&now);
        let head = proxy.request_head(app.connect(&shop, now)).await;
        assert_tunnel(&head, "a.myshopify.com:443");

        let space = spaces_config(&settings.spaces, &settings.network).unwrap();
        let head = proxy.request_head(space.check()).await;
        assert_tunnel(&head, "bucket.nyc3.digitaloceanspaces.com:443");

        let http = builder(&settings.network).unwrap().build().unwrap();
        let head = proxy
            .request_head(http.get("https://public.example/path").send())
            .await;
        assert_tunnel(&head, "public.example:443");
    }

    #[tokio::test]
    async fn localhost_and_no_proxy_hosts_are_reached_directly() {
        let proxy = Proxy::start().await;
        // Stands for the destination of direct requests.
        let direct = Proxy::start().await;
        let port = direct.0.local_addr().unwrap().port();
        for (no_proxy, host) in [
            ("", "127.0.0.1"),
            ("", "localhost"),
            ("internal.example", "127.0.0.1"),
            ("*", "127.0.0.1"),
        ] {
            let settings = proxy.settings(no_proxy);
            let http = builder(&settings.network).unwrap().build().unwrap();
            let request = http.get(format!("http://{host}:{port}/path")).send();
            let head = direct.request_head(request).await;
            assert!(
                head.starts_with("GET /path HTTP/1.1\r\n"),
                "{no_proxy} {host}: {head}"
            );
        }
    }
}
