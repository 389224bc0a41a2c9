//! Measures the verification of one delivery: signature, body check and headers, on one core.

mod side_by_side;

use std::hint::black_box;

use secrecy::SecretString;
use shopify_api::webhooks::{Webhook, verify_hmac};
use shopify_client::webhook::{Verifier, sign};
use side_by_side::{Contestant, compare};

const SECRET: &str = "hush, a client secret of some length";

fn main() {
    for kilobytes in [2, 20, 200] {
        deliveries(kilobytes * 1000);
    }
}

fn deliveries(bytes: usize) {
    let secret = SecretString::from(SECRET);
    let body = product(bytes);
    let signature = sign(&secret, &body);
    let headers = [
        ("x-shopify-topic", "products/update"),
        ("x-shopify-hmac-sha256", signature.as_str()),
        ("x-shopify-shop-domain", "example.myshopify.com"),
        ("x-shopify-api-version", "2026-10"),
        (
            "x-shopify-webhook-id",
            "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        ),
        ("x-shopify-event-id", "98880550-7158-44d4-b7cd-2c97c8a091b5"),
        ("x-shopify-triggered-at", "2026-11-24T12:00:00.123456789Z"),
        ("content-type", "application/json"),
    ];
    let find = |name: &str| headers.iter().find(|(known, _)| *known == name);
    let header = |name: &str| find(name).map(|(_, value)| *value);
    let verifier = Verifier::new([&secret]);

    let mut ours = || {
        let delivery = verifier.verify(header, black_box(&body));
        black_box(delivery.expect("a right signature"));
    };
    let mut theirs = || {
        let delivery = Webhook::verify(headers.iter().copied(), black_box(&body[..]), SECRET);
        black_box(delivery.expect("a right signature"));
    };
    // Without parsing the headers and without copying the body.
    let mut signature_alone = || {
        assert!(verify_hmac(SECRET, black_box(&body), &signature));
    };
    compare(
        &format!("verify a delivery of {} KB", bytes / 1000),
        &mut [
            Contestant::new("shopify-client Verifier::verify", &mut ours),
            Contestant::new("shopify_api Webhook::verify", &mut theirs),
            Contestant::new("shopify_api verify_hmac alone", &mut signature_alone),
        ],
    );
}

/// The body of a product of about this size.
fn product(bytes: usize) -> Vec<u8> {
    let mut body = String::from(r#"{"id":788032119674292922,"title":"T-Shirt","variants":["#);
    for id in 1_u64.. {
        body += &format!(
            r#"{{"id":{},"title":"Größe {id}","sku":"SKU-{id}","price":"19.99","inventory_item_id":{}}}"#,
            788_032_119_674_292_922 + id,
            271_878_346_596_884_015 + id,
        );
        if body.len() + 2 >= bytes {
            break;
        }
        body.push(',');
    }
    (body + "]}").into_bytes()
}
