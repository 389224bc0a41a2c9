//! Tests what is logged about signatures: why a delivery is rejected, and that the previous secret is still in use.

use std::time::Duration;

use testkit::{ManualClock, at};

use crate::support::{Logs, SECRET, TestApp, sign};

const SHOP: &str = "a.myshopify.com";
const BODY: &str = r#"{"id":1,"title":"vertraulich"}"#;

async fn start(clock: &ManualClock) -> TestApp {
    let rotating = TestApp::builder().set("SHOPIFY_API_SECRET_PREVIOUS", "the-older-one");
    rotating.clock(clock).start().await
}

/// Sends a delivery with this signature and body, and returns the status.
async fn deliver(app: &TestApp, signature: &str, body: &str) -> u16 {
    let request = app
        .post("/shopify/webhook")
        .header("X-Shopify-Topic", "products/update")
        .header("X-Shopify-Shop-Domain", SHOP)
        .header("X-Shopify-Hmac-Sha256", signature)
        .body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

fn lines(logs: &Logs, part: &str) -> Vec<String> {
    let text = logs.text();
    let own = text.lines().filter(|line| line.contains(" server::"));
    own.filter(|line| line.contains(part))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_rejected_deliveries_is_logged_once_a_minute() {
    let logs = Logs::capture();
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let app = start(&clock).await;
    let signature = sign(SECRET, BODY.as_bytes());
    let strangers = sign("another app's", BODY.as_bytes());
    assert_eq!(deliver(&app, &signature, &format!("{BODY}\n")).await, 401);
    for _ in 0..5 {
        assert_eq!(deliver(&app, &strangers, BODY).await, 401);
    }
    let refusals = |logs| lines(logs, "A delivery was rejected: ");
    assert_eq!(refusals(logs).len(), 1, "{:?}", refusals(logs));
    let reason = "key `current` signed another form of this body: white space was added";
    assert!(refusals(logs)[0].contains(reason), "{:?}", refusals(logs));

    clock.advance(Duration::from_mins(1));
    assert_eq!(deliver(&app, &strangers, BODY).await, 401);
    let [_, second] = &refusals(logs)[..] else {
        panic!("{:?}", refusals(logs))
    };
    assert!(
        second.contains("no known secret has signed") && second.ends_with(" unsaid=5"),
        "{second}"
    );

    clock.advance(Duration::from_mins(1));
    let unsigned = app.post("/shopify/webhook").body(BODY).send().await;
    assert_eq!(unsigned.unwrap().status(), 401);
    clock.advance(Duration::from_mins(1));
    let query = "code=1&shop=a.myshopify.com";
    let replayed = deliver(&app, &sign(SECRET, query.as_bytes()), query).await;
    assert_eq!(replayed, 400);
    let [.., missing, other] = &refusals(logs)[..] else {
        panic!("{:?}", refusals(logs))
    };
    assert!(missing.contains("no signature header"), "{missing}");
    assert!(other.contains("the body is not a JSON object"), "{other}");

    for hidden in [
        SECRET,
        "the-older-one",
        "vertraulich",
        &signature,
        &strangers,
    ] {
        let shown = lines(logs, hidden);
        assert!(shown.is_empty(), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_the_previous_secret_is_logged_once_an_hour() {
    let logs = Logs::capture();
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let app = start(&clock).await;
    let reminders = |logs| lines(logs, "Shopify still signs with the previous secret");
    let (current, previous) = (
        sign(SECRET, BODY.as_bytes()),
        sign("the-older-one", BODY.as_bytes()),
    );
    assert_eq!(deliver(&app, &current, BODY).await, 200);
    assert!(reminders(logs).is_empty());
    for minutes in [0, 1, 58] {
        clock.advance(Duration::from_mins(minutes));
        assert_eq!(deliver(&app, &previous, BODY).await, 200);
        assert_eq!(reminders(logs).len(), 1);
    }
    clock.advance(Duration::from_mins(1));
    assert_eq!(deliver(&app, &previous, BODY).await, 200);
    assert_eq!(reminders(logs).len(), 2);
}
