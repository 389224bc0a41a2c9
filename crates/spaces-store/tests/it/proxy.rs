//! Tests connections to the store through a proxy.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use secrecy::SecretString;
use spaces_store::{Proxy, SpacesConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use url::Url;

use crate::bucket::{Backend, open};

/// A listener that records the first request's head and never responds.
struct RequestRecorder(TcpListener);

impl RequestRecorder {
    async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    async fn first_request(&self, backend: Backend, config: &SpacesConfig) -> String {
        let store = open(backend, config);
        let path = Path::from("a/path");
        let receiving = async {
            let (mut stream, _) = self.0.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
            }
            String::from_utf8(head).unwrap().to_lowercase()
        };
        tokio::select! {
            head = receiving => head,
            response = store.head(&path) => panic!("the request did not arrive: {response:?}"),
        }
    }
}

fn config(endpoint: &str, proxy: &str, bypass: &[&str]) -> SpacesConfig {
    let url = Url::parse(endpoint).unwrap();
    let mut config = SpacesConfig::new(url, "nyc3", "bucket", "access", "secret");
    config.proxy = Some(Proxy {
        url: SecretString::from(proxy),
        bypass: bypass.iter().map(|host| (*host).to_owned()).collect(),
    });
    config
}

async fn the_proxy_receives_a_connect_request(backend: Backend) {
    let proxy = RequestRecorder::bind().await;
    let url = format!("http://user:ge%40heim@{}", proxy.address());
    let config = config("https://store.invalid", &url, &["other.invalid"]);
    assert!(!format!("{config:?}").contains("heim"));
    let head = proxy.first_request(backend, &config).await;
    assert!(
        head.starts_with("connect store.invalid:443 http/1.1\r\n"),
        "{head}"
    );
    // user:ge@heim
    assert!(
        head.contains("proxy-authorization: basic dxnlcjpnzubozwlt"),
        "{head}"
    );
    assert!(!head.contains("aws4") && !head.contains("path"), "{head}");
}

async fn bypassed_hosts_are_reached_directly(backend: Backend) {
    let (proxy, store) = (RequestRecorder::bind().await, RequestRecorder::bind().await);
    let url = format!("http://{}", proxy.address());
    let endpoint = format!("http://{}", store.address());
    let direct = config(&endpoint, &url, &["127.0.0.0/8"]);
    let head = store.first_request(backend, &direct).await;
    assert!(head.starts_with("head /bucket/a/path http/1.1"), "{head}");
    let through = config(&endpoint, &url, &[]);
    let head = proxy.first_request(backend, &through).await;
    assert!(
        head.starts_with(&format!("head {endpoint}/bucket/a/path")),
        "{head}"
    );
}

#[tokio::test]
async fn the_proxy_receives_a_connect_request_rusoto() {
    the_proxy_receives_a_connect_request(Backend::Rusoto).await;
}

#[tokio::test]
async fn the_proxy_receives_a_connect_request_aws() {
    the_proxy_receives_a_connect_request(Backend::Aws).await;
}

#[tokio::test]
async fn bypassed_hosts_are_reached_directly_rusoto() {
    bypassed_hosts_are_reached_directly(Backend::Rusoto).await;
}

#[tokio::test]
async fn bypassed_hosts_are_reached_directly_aws() {
    bypassed_hosts_are_reached_directly(Backend::Aws).await;
}

#[test]
fn an_invalid_proxy_is_rejected_without_quoting_it() {
    for url in ["", "geheim", "http://", "socks5://u:geheim@127.0.0.1:1"] {
        let error = config("https://store.invalid", url, &[])
            .validate()
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("proxy") && !text.contains("geheim"), "{text}");
    }
}
