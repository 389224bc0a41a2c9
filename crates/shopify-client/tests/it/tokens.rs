//! Tests token sources: when tokens are renewed, and that they are never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use shopify_client::{Error, StaticToken, TokenError, TokenSource};
use wiremock::ResponseTemplate;

use crate::log_lines;
use crate::script::{Script, a_shop, builder, client_at, data, domain, throttled};

/// Returns `token-0`, and another token after each renewal.
#[derive(Default)]
struct RenewingSource {
    renewals: AtomicUsize,
}

#[async_trait]
impl TokenSource for RenewingSource {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        let number = self.renewals.load(Ordering::SeqCst);
        Ok(format!("token-{number}").into())
    }

    async fn renew(&self, rejected: &SecretString) -> Result<SecretString, TokenError> {
        let number = self.renewals.fetch_add(1, Ordering::SeqCst);
        assert_eq!(rejected.expose_secret(), format!("token-{number}"));
        self.access_token().await
    }
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once() {
    let script = Script::start().await;
    script
        .then("Shop", ResponseTemplate::new(401))
        .then("Shop", data(&a_shop()))
        .then("Shop", ResponseTemplate::new(401))
        .then("Shop", ResponseTemplate::new(401));
    let source = Arc::new(RenewingSource::default());
    let shop = client_at(&script.uri(), builder()).shop(&domain(), Arc::clone(&source) as _);
    shop.shop().await.unwrap();
    let error = shop.shop().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized), "{error:?}");
    let tokens: Vec<_> = script
        .finish()
        .into_iter()
        .map(|request| request.token)
        .collect();
    assert_eq!(tokens, ["token-0", "token-1", "token-1", "token-2"]);
    assert_eq!(source.renewals.load(Ordering::SeqCst), 2);
}

/// A source without a token.
struct NoToken {
    retryable: bool,
}

#[async_trait]
impl TokenSource for NoToken {
    async fn access_token(&self) -> Result<SecretString, TokenError> {
        Err(TokenError {
            reason: "the safe is locked".to_owned(),
            retryable: self.retryable,
            reauthorize: false,
        })
    }

    async fn renew(&self, _rejected: &SecretString) -> Result<SecretString, TokenError> {
        self.access_token().await
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let script = Script::start().await;
    for retryable in [true, false] {
        let source = Arc::new(NoToken { retryable });
        let shop = client_at(&script.uri(), builder()).shop(&domain(), source);
        let error = shop.shop().await.unwrap_err();
        assert!(matches!(error, Error::Token(_)), "{error:?}");
        assert_eq!(error.is_retryable(), retryable);
    }
    assert!(script.finish().is_empty());
}

#[tokio::test]
async fn errors_and_log_lines_contain_no_token() {
    log_lines::capture();
    let script = Script::start().await;
    for response in [
        throttled(200),
        ResponseTemplate::new(500),
        ResponseTemplate::new(403).set_body_string("no"),
    ] {
        script.then("Shop", response);
    }
    let token = Arc::new(StaticToken::new("shpat_very-secret"));
    let shop = client_at(&script.uri(), builder()).shop(&domain(), token);
    let error = shop.shop().await.unwrap_err();
    assert!(!format!("{error:?} {error} {shop:?}").contains("very-secret"));
    let unsendable = Arc::new(StaticToken::new("very-secret\n"));
    let shop = client_at(&script.uri(), builder()).shop(&domain(), unsendable);
    let error = shop.shop().await.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("very-secret"));
    assert!(log_lines::containing("very-secret").is_empty());
    assert!(!log_lines::containing("retrying after a pause").is_empty());
    script.finish();
}
