//! Tests the token requests to `/admin/oauth/access_token`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shopify_client::oauth::{AppCredentials, TokenGrant};
use shopify_client::{Client, Error};
use wiremock::ResponseTemplate;

use crate::log_lines;
use crate::raw::{RawServer, truncated_response};
use crate::script::{Script, builder, client_at, domain, json_response};

/// Token requests have no operation name.
const EXCHANGE: &str = "";

fn app() -> AppCredentials {
    AppCredentials {
        api_key: "the-key".to_owned(),
        api_secret: "the-secret".into(),
    }
}

fn client(script: &Script) -> Client {
    client_at(&script.uri(), builder())
}

fn grant(number: u8) -> Value {
    json!({
        "access_token": format!("shpat_{number}"),
        "scope": "read_products,write_inventory,unauthenticated_write_checkouts",
        "expires_in": 3600,
        "refresh_token": format!("shprt_{number}"),
        "refresh_token_expires_in": 7_776_000,
    })
}

async fn exchange(client: &Client) -> Result<TokenGrant, Error> {
    let code = SecretString::from("the-code");
    client.oauth(&app()).exchange_code(&domain(), &code).await
}

#[tokio::test]
async fn a_code_is_exchanged_for_an_expiring_token() {
    let script = Script::start().await;
    script.then(EXCHANGE, json_response(200, &grant(1)));
    let grant = exchange(&client(&script)).await.unwrap();
    assert_eq!(grant.access_token.expose_secret(), "shpat_1");
    assert_eq!(
        grant.refresh_token.as_ref().unwrap().expose_secret(),
        "shprt_1"
    );
    assert_eq!(grant.expires_in, Some(Duration::from_hours(1)));
    assert_eq!(
        grant.refresh_token_expires_in,
        Some(Duration::from_hours(90 * 24))
    );
    assert!(grant.covers("read_products") && grant.covers("read_inventory"));
    assert!(!grant.covers("write_products") && !grant.covers("read_discounts"));
    assert!(grant.covers("unauthenticated_read_checkouts"));
    assert!(!grant.covers("read_checkouts") && !grant.covers("write_checkouts"));
    assert!(!format!("{grant:?}").contains("shp"), "Debug shows a token");

    let requests = script.finish();
    assert_eq!(
        requests[0].path,
        "/example.myshopify.com/admin/oauth/access_token"
    );
    let expected = json!({
        "client_id": "the-key", "client_secret": "the-secret", "code": "the-code", "expiring": "1",
    });
    assert_eq!(requests[0].body, expected);
}

#[tokio::test]
async fn a_permanent_token_has_no_lifetime() {
    let script = Script::start().await;
    let response = json!({ "access_token": "shpat_1", "scope": "read_products" });
    script.then(EXCHANGE, json_response(200, &response));
    let grant = exchange(&client(&script)).await.unwrap();
    assert_eq!(grant.expires_in, None);
    assert!(grant.refresh_token.is_none());
    assert_eq!(grant.refresh_token_expires_in, None);
}

#[tokio::test]
async fn a_token_is_refreshed_and_a_lost_response_is_retried() {
    let script = Script::start().await;
    script
        .then(EXCHANGE, ResponseTemplate::new(503))
        .then(EXCHANGE, ResponseTemplate::new(429))
        .then(EXCHANGE, json_response(200, &grant(2)));
    let old = SecretString::from("shprt_1");
    let client = client(&script);
    let grant = client.oauth(&app()).refresh(&domain(), &old).await.unwrap();
    assert_eq!(grant.refresh_token.unwrap().expose_secret(), "shprt_2");
    let expected = json!({
        "client_id": "the-key", "client_secret": "the-secret",
        "grant_type": "refresh_token", "refresh_token": "shprt_1",
    });
    for request in script.finish() {
        assert_eq!(request.body, expected);
    }
}

#[tokio::test]
async fn a_truncated_response_is_retried() {
    let whole = grant(1).to_string();
    let raw = RawServer::start(vec![
        truncated_response(&whole, 9),
        Vec::new(),
        truncated_response(&whole, 0),
    ])
    .await;
    exchange(&client_at(&raw.uri, builder())).await.unwrap();
    assert_eq!(raw.requests(), 3);
}

#[tokio::test]
async fn a_shop_of_the_apps_own_organization_needs_no_merchant() {
    let script = Script::start().await;
    let response =
        json!({ "access_token": "shpat_1", "scope": "read_products", "expires_in": 86399 });
    script.then(EXCHANGE, json_response(200, &response));
    let not_permitted = json!({ "error": "shop_not_permitted" });
    script.then(EXCHANGE, json_response(400, &not_permitted));
    let client = client(&script);
    let app = app();
    let grant = client
        .oauth(&app)
        .client_credentials(&domain())
        .await
        .unwrap();
    assert_eq!(grant.expires_in, Some(Duration::from_secs(86399)));
    let error = client
        .oauth(&app)
        .client_credentials(&domain())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::AccessDenied { message } if message == "shop_not_permitted"),
        "{error:?}"
    );
    let expected = json!({
        "client_id": "the-key", "client_secret": "the-secret", "grant_type": "client_credentials",
    });
    assert_eq!(script.finish()[0].body, expected);
}

#[tokio::test]
async fn a_rejected_grant_is_not_retried() {
    type Check = fn(&Error) -> bool;
    let checks: [(u16, &str, Check); 8] = [
        (400, r#"{"error":"invalid_request"}"#, |error| {
            matches!(error, Error::Reauthorize)
        }),
        (400, r#"{"error":"invalid_subject_token"}"#, |error| {
            matches!(error, Error::Reauthorize)
        }),
        (400, "<html>", |error| matches!(error, Error::Reauthorize)),
        (400, r#"{"error":"invalid_client"}"#, |error| {
            matches!(error, Error::AccessDenied { .. })
        }),
        (401, r#"{"error":"invalid_client"}"#, |error| {
            matches!(error, Error::AccessDenied { .. })
        }),
        (402, "", |error| matches!(error, Error::ShopFrozen)),
        (404, "", |error| matches!(error, Error::NotFound)),
        (423, "", |error| matches!(error, Error::ShopLocked)),
    ];
    for (status, body, expected) in checks {
        let script = Script::start().await;
        script.then(
            EXCHANGE,
            ResponseTemplate::new(status).set_body_string(body),
        );
        let error = exchange(&client(&script)).await.unwrap_err();
        assert!(expected(&error), "{status} {body}: {error:?}");
        script.finish();
    }
}

/// The error page of a proxy, or an error about something else, is no reason to discard a refresh token.
#[tokio::test]
async fn a_refresh_token_is_discarded_only_if_shopify_rejects_it() {
    let (app, old) = (app(), SecretString::from("shprt_1"));
    let retired = json!({
        "error": "invalid_request",
        "error_description": "This request requires an active refresh_token",
    });
    for (status, reason) in [
        (400, json!({"error": "invalid_subject_token"})),
        (400, json!({"error": "invalid_grant"})),
        (400, retired.clone()),
        (401, retired),
    ] {
        let script = Script::start().await;
        script.then(EXCHANGE, json_response(status, &reason));
        let error = client(&script).oauth(&app).refresh(&domain(), &old).await;
        assert!(
            matches!(error, Err(Error::Reauthorize)),
            "{status} {reason}: {error:?}"
        );
        script.finish();
    }
    for (status, body) in [
        (400, "<html>".to_owned()),
        (400, json!({"error": "invalid_request"}).to_string()),
        (400, json!({"error": "come_back_later"}).to_string()),
        (400, json!({"error": {"code": 1}}).to_string()),
        (401, json!({"error": "invalid_client"}).to_string()),
        (401, "active refresh_token".to_owned()),
    ] {
        let script = Script::start().await;
        let response = ResponseTemplate::new(status).set_body_string(body.clone());
        script.then(EXCHANGE, response);
        let error = client(&script).oauth(&app).refresh(&domain(), &old).await;
        let expected = match error {
            Err(Error::Status { status: 400, .. }) => 400,
            Err(Error::AccessDenied { .. }) => 401,
            _ => 0,
        };
        assert_eq!(expected, status, "{body}: {error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn a_long_pause_is_left_to_the_caller() {
    let script = Script::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "60");
    script.then(EXCHANGE, throttled);
    let client = client_at(&script.uri(), Client::builder());
    let error = exchange(&client).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
    script.finish();
}

#[tokio::test]
async fn an_empty_token_counts_as_missing() {
    let script = Script::start().await;
    let (mut without_access, mut without_refresh) = (grant(1), grant(1));
    without_access["access_token"] = "".into();
    without_refresh["refresh_token"] = "".into();
    script
        .then(EXCHANGE, json_response(200, &without_access))
        .then(EXCHANGE, json_response(200, &without_refresh));
    let client = client(&script);
    let error = exchange(&client).await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert!(exchange(&client).await.unwrap().refresh_token.is_none());
    script.finish();
}

#[tokio::test]
async fn a_permanent_token_is_exchanged_for_an_expiring_one() {
    let script = Script::start().await;
    script
        .then(EXCHANGE, ResponseTemplate::new(503))
        .then(EXCHANGE, json_response(200, &grant(1)));
    let old = SecretString::from("shpat_0");
    let client = client(&script);
    let grant = client.oauth(&app()).migrate(&domain(), &old).await.unwrap();
    assert_eq!(grant.refresh_token.unwrap().expose_secret(), "shprt_1");
    let offline = "urn:shopify:params:oauth:token-type:offline-access-token";
    let expected = json!({
        "client_id": "the-key",
        "client_secret": "the-secret",
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "shpat_0",
        "subject_token_type": offline,
        "requested_token_type": offline,
        "expiring": "1",
    });
    for request in script.finish() {
        assert_eq!(request.body, expected);
    }
}

#[tokio::test]
async fn errors_and_log_lines_contain_no_secret() {
    log_lines::capture();
    let script = Script::start().await;
    script.then(EXCHANGE, ResponseTemplate::new(503)).then(
        EXCHANGE,
        json_response(200, &json!({ "access_token": { "oh": "shpat_1" } })),
    );
    let client = client(&script);
    let error = exchange(&client).await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    let app = app();
    let text = format!("{error} {error:?} {app:?} {:?}", client.oauth(&app));
    for secret in ["the-secret", "the-code", "shpat_1"] {
        assert!(!text.contains(secret), "{text}");
        assert!(log_lines::containing(secret).is_empty());
    }
    script.finish();
}
