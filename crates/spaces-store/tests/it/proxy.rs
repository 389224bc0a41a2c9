//! The way to the store through a proxy.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use secrecy::SecretString;
use spaces_store::{Proxy, SpacesConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use url::Url;

use crate::bench::{Library, open};

/// Hears what is asked and never answers.
struct Ear(TcpListener);

impl Ear {
    async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    async fn heard(&self, library: Library, config: &SpacesConfig) -> String {
        let store = open(library, config);
        let path = Path::from("a/path");
        let listening = async {
            let (mut stream, _) = self.0.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
            }
            String::from_utf8(head).unwrap().to_lowercase()
        };
        tokio::select! {
            head = listening => head,
            answer = store.head(&path) => panic!("nothing was heard: {answer:?}"),
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

async fn a_tunnel_is_asked_for(library: Library) {
    let proxy = Ear::listen().await;
    let url = format!("http://user:ge%40heim@{}", proxy.address());
    let config = config("https://store.invalid", &url, &["other.invalid"]);
    assert!(!format!("{config:?}").contains("heim"));
    let head = proxy.heard(library, &config).await;
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

async fn what_bypasses_the_proxy_is_reached_directly(library: Library) {
    let (proxy, store) = (Ear::listen().await, Ear::listen().await);
    let url = format!("http://{}", proxy.address());
    let endpoint = format!("http://{}", store.address());
    let direct = config(&endpoint, &url, &["127.0.0.0/8"]);
    let head = store.heard(library, &direct).await;
    assert!(head.starts_with("head /bucket/a/path http/1.1"), "{head}");
    let through = config(&endpoint, &url, &[]);
    let head = proxy.heard(library, &through).await;
    assert!(
        head.starts_with(&format!("head {endpoint}/bucket/a/path")),
        "{head}"
    );
}

#[tokio::test]
async fn a_tunnel_is_asked_for_rusoto() {
    a_tunnel_is_asked_for(Library::Rusoto).await;
}

#[tokio::test]
async fn a_tunnel_is_asked_for_aws() {
    a_tunnel_is_asked_for(Library::Aws).await;
}

#[tokio::test]
async fn what_bypasses_the_proxy_is_reached_directly_rusoto() {
    what_bypasses_the_proxy_is_reached_directly(Library::Rusoto).await;
}

#[tokio::test]
async fn what_bypasses_the_proxy_is_reached_directly_aws() {
    what_bypasses_the_proxy_is_reached_directly(Library::Aws).await;
}

#[test]
fn an_unusable_proxy_is_refused_without_quoting_it() {
    for url in ["", "geheim", "http://", "socks5://u:geheim@127.0.0.1:1"] {
        let error = config("https://store.invalid", url, &[])
            .validate()
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("proxy") && !text.contains("geheim"), "{text}");
    }
}
