//! Tests the grant page and the token endpoint.

use std::time::Duration;

use serde_json::json;

use crate::world::{KEY, REDIRECT, SECRET, World};

fn hex_hmac(message: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    hex::encode(ring::hmac::sign(&key, message.as_bytes()))
}

#[tokio::test]
async fn the_grant_page_redirects_with_a_signed_query() {
    let world = World::start().await;
    let mut callback = world.callback().await;
    let signature = callback.remove("hmac").unwrap();
    let mut pairs: Vec<_> = callback.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.sort();
    assert_eq!(signature, hex_hmac(&pairs.join("&")));
    assert_eq!(callback["shop"], "example.myshopify.com");
    assert_eq!(callback["state"], "nonce-1");
    assert_eq!(callback["timestamp"], "1795521600");
    // admin.shopify.com/store/example
    assert_eq!(
        callback["host"],
        "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvZXhhbXBsZQ"
    );
}

#[tokio::test]
async fn the_grant_page_rejects_other_apps_other_redirect_uris_and_missing_states() {
    let world = World::start().await;
    let right = [
        ("client_id", KEY),
        ("redirect_uri", REDIRECT),
        ("state", "s"),
    ];
    assert_eq!(world.authorize(&right).await.status(), 302);
    for (place, wrong) in [
        (0, ("client_id", "other")),
        (
            1,
            ("redirect_uri", "http://127.0.0.1:5000/shopify/callback/"),
        ),
        (1, ("redirect_uri", "https://evil.example/")),
        (2, ("state", "")),
        (2, ("scope", "read_products")),
    ] {
        let mut parameters = right;
        parameters[place] = wrong;
        let response = world.authorize(&parameters).await;
        assert_eq!(response.status(), 400, "{wrong:?}");
        assert!(response.headers().get("location").is_none());
    }
    let mut parameters = right.to_vec();
    parameters.push(("scope", "everything"));
    assert_eq!(world.authorize(&parameters).await.status(), 400);
}

#[tokio::test]
async fn a_code_is_exchanged_for_one_expiring_token() {
    let world = World::start().await;
    let code = world.callback().await["code"].clone();
    let request = json!({"code": code, "expiring": "1"});
    let (status, granted) = world.token_request(request.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(granted["scope"], "read_products,read_inventory");
    assert_eq!(granted["expires_in"], 3_600);
    assert_eq!(granted["refresh_token_expires_in"], 7_776_000);
    let token = granted["access_token"].as_str().unwrap();
    assert!(token.starts_with("shpat_"));
    assert!(
        granted["refresh_token"]
            .as_str()
            .unwrap()
            .starts_with("shprt_")
    );
    assert!(world.accepts_token(token).await);

    let (status, rejected) = world.token_request(request).await;
    assert_eq!(status, 400);
    assert_eq!(rejected["error"], "invalid_request");

    world.clock.advance(Duration::from_secs(3_599));
    assert!(world.accepts_token(token).await);
    world.clock.advance(Duration::from_secs(1));
    assert!(!world.accepts_token(token).await);
}

#[tokio::test]
async fn without_expiring_the_token_lasts_and_forms_are_read_too() {
    let world = World::start().await;
    let code = world.callback().await["code"].clone();
    let form = [
        ("client_id", KEY),
        ("client_secret", SECRET),
        ("code", code.as_str()),
    ];
    let request = world.http.post(world.url("/admin/oauth/access_token"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let response = request.body(form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let granted: serde_json::Value = response.json().await.unwrap();
    let fields: Vec<_> = granted.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["access_token", "scope"]);
    world.clock.advance(Duration::from_hours(24 * 365));
    assert!(
        world
            .accepts_token(granted["access_token"].as_str().unwrap())
            .await
    );
}

#[tokio::test]
async fn public_apps_need_expiring_tokens() {
    let world = World::with(shopify_sim::SimulatorBuilder::require_expiring_tokens).await;
    let status = async |token: &str| {
        let query = "query Name { shop { name } }";
        let response = world
            .request(token, query, &json!({}))
            .send()
            .await
            .unwrap();
        response.status().as_u16()
    };
    let code = world.callback().await["code"].clone();
    let (_, lasting) = world.token_request(json!({"code": code})).await;
    assert_eq!(status(lasting["access_token"].as_str().unwrap()).await, 403);
    let expiring = world.install().await;
    assert_eq!(
        status(expiring["access_token"].as_str().unwrap()).await,
        200
    );
    assert_eq!(status(&world.token()).await, 200, "custom apps are exempt");
}

#[tokio::test]
async fn codes_are_short_lived() {
    let world = World::start().await;
    let code = world.callback().await["code"].clone();
    world.clock.advance(Duration::from_mins(10));
    let (status, _) = world.token_request(json!({"code": code})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_retires_the_old_one_once_it_is_used() {
    let world = World::start().await;
    let first = world.install().await;
    let refresh = |token: &serde_json::Value| {
        world.token_request(json!({"grant_type": "refresh_token", "refresh_token": token}))
    };
    let (status, second) = refresh(&first["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(second["scope"], first["scope"]);
    // The previous access token stays valid until it expires.
    assert!(
        world
            .accepts_token(first["access_token"].as_str().unwrap())
            .await
    );

    // The response may have been lost: the previous refresh token is valid until the new one is used.
    let (status, again) = refresh(&first["refresh_token"]).await;
    assert_eq!(status, 200);
    let (status, third) = refresh(&again["refresh_token"]).await;
    assert_eq!(status, 200);
    for retired in [&first, &second] {
        let (status, rejected) = refresh(&retired["refresh_token"]).await;
        assert_eq!(status, 400);
        assert_eq!(rejected["error"], "invalid_subject_token");
    }
    world.clock.advance(Duration::from_hours(24 * 90));
    let (status, _) = refresh(&third["refresh_token"]).await;
    assert_eq!(status, 400, "after 90 days without use");
}

#[tokio::test]
async fn client_credentials_last_a_day_and_have_no_refresh_token() {
    let world = World::start().await;
    let request = json!({"grant_type": "client_credentials"});
    let (status, granted) = world.token_request(request).await;
    assert_eq!(status, 200);
    assert_eq!(granted["expires_in"], 86_399);
    assert_eq!(granted.get("refresh_token"), None);
    let token = granted["access_token"].as_str().unwrap();
    assert!(world.accepts_token(token).await);
    world.clock.advance(Duration::from_secs(86_399));
    assert!(!world.accepts_token(token).await);
}

#[tokio::test]
async fn the_token_endpoint_reports_errors() {
    let world = World::start().await;
    for (request, status, error) in [
        (json!({"code": "guess"}), 400, "invalid_request"),
        (json!({}), 400, "invalid_request"),
        (
            json!({"client_id": "other", "code": "x"}),
            400,
            "application_cannot_be_found",
        ),
        (
            json!({"client_secret": "wrong", "code": "x"}),
            401,
            "invalid_client",
        ),
        (
            json!({"client_secret": "", "code": "x"}),
            400,
            "invalid_request",
        ),
        (
            json!({"grant_type": "password"}),
            400,
            "unsupported_grant_type",
        ),
        (
            json!({"grant_type": "refresh_token"}),
            400,
            "invalid_request",
        ),
        (
            json!({"grant_type": "refresh_token", "refresh_token": "guess"}),
            400,
            "invalid_subject_token",
        ),
    ] {
        let (got, rejected) = world.token_request(request.clone()).await;
        assert_eq!(got, status, "{request}");
        assert_eq!(rejected["error"], error, "{request}");
    }
    let request = world.http.post(world.url("/admin/oauth/access_token"));
    let response = request.body("code=1").send().await.unwrap();
    assert_eq!(response.status(), 400);
    let request = world.http.get(world.url("/admin/oauth/access_token"));
    assert_eq!(request.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn the_shop_may_be_named_by_host() {
    let world = World::start().await;
    let authorize_at = |host: &'static str| {
        let url = format!("http://{}/admin/oauth/authorize", world.sim.address());
        let parameters = [
            ("client_id", KEY),
            ("redirect_uri", REDIRECT),
            ("state", "s"),
        ];
        let url = url::Url::parse_with_params(&url, parameters).unwrap();
        world.http.get(url).header("Host", host).send()
    };
    assert_eq!(
        authorize_at("example.myshopify.com")
            .await
            .unwrap()
            .status(),
        302
    );
    assert_eq!(
        authorize_at("other.myshopify.com").await.unwrap().status(),
        404
    );
}

#[tokio::test]
async fn the_app_url_is_opened_with_a_signed_query() {
    let world = World::start().await;
    let query = world.shop.install_query();
    let (message, signature) = query.split_once("&hmac=").unwrap();
    assert_eq!(signature, hex_hmac(message));
    assert!(message.contains("shop=example.myshopify.com"));
    assert!(message.contains("timestamp=1795521600"));
}
