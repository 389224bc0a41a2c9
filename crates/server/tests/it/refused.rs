//! Tests that rejected requests change nothing: no document, no run, no request to the shop.

use reqwest::RequestBuilder;
use serde_json::json;

use crate::support::{SECRET, World, sign};

/// Asserts that the request gets this status and causes no work. The shop has changed without a webhook, so that any run
/// would change the document.
async fn assert_changes_nothing(world: &World, request: RequestBuilder, status: u16) {
    let before = (
        world.shop.calls(),
        world.runs().await.len(),
        world.app.put_count(),
    );
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    world.settled().await;
    let after = (
        world.shop.calls(),
        world.runs().await.len(),
        world.app.put_count(),
    );
    assert_eq!(after, before);
    world.document_matches_shop().await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_shopify_did_not_send_change_nothing() {
    let limited = World::builder().set("SHOPSYNC__SERVER__WEBHOOK_BODY_LIMIT", "65536");
    let world = limited.installed().await;
    let product = world.shop.product_ids()[0];
    world
        .shop
        .without_webhooks()
        .set_price(product, None, "66.60")
        .unwrap();
    let domain = world.shop.domain().to_owned();
    let body = json!({"id": product}).to_string();
    let signed = |body: &str| sign(SECRET, body.as_bytes());
    let post = |shop: &str, signature: Option<String>, body: &str| {
        let request = world
            .app
            .post("/shopify/webhook")
            .header("X-Shopify-Topic", "products/update")
            .header("X-Shopify-Shop-Domain", shop)
            .header("X-Shopify-Webhook-Id", "w1")
            .body(body.to_owned());
        match signature {
            Some(signature) => request.header("X-Shopify-Hmac-Sha256", signature),
            None => request,
        }
    };
    let forged = sign("another secret", body.as_bytes());
    let long = format!("{{\"id\":{product},\"x\":\"{}\"}}", "x".repeat(70_000));
    let padded = format!("{body} ");
    for (request, status) in [
        (post(&domain, None, &body), 401),
        (post(&domain, Some(forged), &body), 401),
        (post(&domain, Some(signed(&body)), &padded), 401),
        (post(&domain, Some(signed("[]")), "[]"), 400),
        (post(&domain, Some(signed("{")), "{"), 400),
        (post("evil.example", Some(signed(&body)), &body), 400),
        (
            post(
                "example.myshopify.com.evil.example",
                Some(signed(&body)),
                &body,
            ),
            400,
        ),
        (post(&domain, Some(signed(&long)), &long), 413),
        // Validly signed, for a shop that is not installed.
        (
            post("another.myshopify.com", Some(signed(&body)), &body),
            200,
        ),
        // Validly signed, without an object.
        (post(&domain, Some(signed("{}")), "{}"), 200),
    ] {
        assert_changes_nothing(&world, request, status).await;
    }
    // The same delivery with a valid signature has an effect.
    let named = world.app.delivery(&domain, "products/update", "w2", &body);
    assert_eq!(named.send().await.unwrap().status(), 200);
    world.settled().await;
    world.document_matches_shop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_with_an_invalid_shop_change_nothing() {
    let world = World::builder().installed().await;
    world
        .shop
        .without_webhooks()
        .rename_shop("Renamed")
        .unwrap();
    for shop in [
        "evil.example",
        "example.myshopify.com.evil.example",
        "example.myshopify.com@evil",
        "example.myshopify.com:443",
        "example.myshopify.com%2Fadmin",
        "example%0A",
        "ex%C3%A4mple",
    ] {
        for path in [
            format!("/shopify/{shop}/login"),
            format!("/shopify/install?shop={shop}&hmac=00"),
            format!("/shopify/callback?shop={shop}&code=1&state=2&hmac=00"),
        ] {
            assert_changes_nothing(&world, world.app.get(&path), 400).await;
        }
    }
}
