//! Tests the report of an accepted callback.

use serde_json::{Value, json};
use sync_core::ports::ShopRegistry;
use sync_core::{Disposition, PortError, ShopStatus, UnavailableReason};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{SHOP, Setup, callback, header, shop};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_callback_installs_the_shop_and_reports() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, _) = setup.begin_login().await;
    let response = setup.app.get(&callback("good", &state)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(
        !text.contains("shpat_") && !text.contains("shprt_"),
        "{text}"
    );
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report,
        json!({
            "shop": SHOP,
            "webhook_status": "success",
            "webhook_test": {"status": "success"},
            "polling_test": {"status": "success"},
            "upload_status": "success",
            "snapshot": "a.myshopify.com/shopify_data.json",
        })
    );
    let document = setup.app.document(&shop()).await.unwrap();
    assert_eq!(document["data"]["shop"]["name"], "A");
    let database = &setup.app.service().database;
    let found = database.find(&shop()).await.unwrap().unwrap();
    assert_eq!(found.status, ShopStatus::Active);
    assert_eq!(found.scopes.len(), 4);
    // The test delivery has requested no work.
    setup.app.settled().await;
    assert_eq!((setup.catalog.fetches(), setup.app.put_count()), (0, 1));

    // A state is accepted once.
    setup
        .assert_refused(&callback("good", &state), 400, "invalid_state")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_shopify_rejects_installs_nothing() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, _) = setup.begin_login().await;
    let response = setup.app.get(&callback("bad", &state)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "exchange_refused");
    assert!(!setup.installed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_without_the_required_scopes_installs_nothing() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, _) = setup.begin_login().await;
    let response = setup.app.get(&callback("narrow", &state)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 403);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["code"], "missing_scopes");
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.contains("the scopes read_inventory, read_discounts:"),
        "{detail}"
    );
    assert!(!setup.installed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_that_it_can_reload() {
    let setup = Setup::new(TestApp::builder()).await;
    let (state, cookie) = setup.begin_login().await;
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let request = setup.app.get(&callback("good", &state));
    let request = request.header("Accept", accept).header("Cookie", cookie);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 303);
    let location = header(&response, "location");
    assert!(location.starts_with("installed?report="), "{location}");
    setup.app.settled().await;
    for _ in 0..2 {
        let path = format!("/shopify/{location}");
        let page = setup.app.get(&path).header("Accept", accept).send().await;
        let page = page.unwrap();
        assert_eq!(page.status(), 200);
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert!(!page.headers().contains_key("refresh"));
        let page = page.text().await.unwrap();
        assert!(page.contains("a.myshopify.com/shopify_data.json"), "{page}");
        assert!(
            !page.contains("shpat_") && !page.contains(r#"class="failed""#),
            "{page}"
        );
    }
    let report: Value = setup
        .app
        .get(&format!("/shopify/{location}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(report["upload_status"], "success");
    for forged in ["", "x.y", &location.replace("report=", "report=A")[17..]] {
        let path = format!("/shopify/installed?report={forged}");
        setup.assert_refused(&path, 404, "not_found").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_delivery_reaches_is_reported() {
    // Nothing listens on port 1; the other addresses belong to another server.
    for (address, reason) in [
        ("http://127.0.0.1:1/shopify/webhook", "cannot be reached"),
        ("/shopify/elsewhere", "returned 404"),
        ("/", "returned 405"),
    ] {
        let stranger = MockServer::start().await;
        let address = if address.starts_with('/') {
            format!("{}{address}", stranger.uri())
        } else {
            address.to_owned()
        };
        if reason.contains("405") {
            Mock::given(method("POST"))
                .respond_with(ResponseTemplate::new(405))
                .mount(&stranger)
                .await;
        }
        let builder = TestApp::builder().set("SHOPIFY_WEBHOOK_ADDRESS", &address);
        let setup = Setup::new(builder).await;
        let (state, _) = setup.begin_login().await;
        let report = setup.app.get(&callback("good", &state)).send().await;
        let report: Value = report.unwrap().json().await.unwrap();
        assert_eq!(report["webhook_test"]["status"], "failed", "{report}");
        let message = report["webhook_test"]["message"].as_str().unwrap();
        assert!(
            message.contains(reason) && message.contains(&address),
            "{message}"
        );
        assert_eq!(report["polling_test"]["status"], "success");
        assert_eq!(report["upload_status"], "failed");
        assert_eq!(report["snapshot"], Value::Null);
        setup.app.settled().await;
        assert_eq!((setup.catalog.scans(), setup.app.put_count()), (0, 0));
        // The shop is stored nevertheless; the next daily poll reads it.
        assert!(setup.installed().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_service_is_reported() {
    let stranger = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_string("OK"))
        .mount(&stranger)
        .await;
    let setup = Setup::new(TestApp::builder().set("SHOPIFY_WEBHOOK_ADDRESS", stranger.uri())).await;
    let (state, _) = setup.begin_login().await;
    let report = setup.app.get(&callback("good", &state)).send().await;
    let report: Value = report.unwrap().json().await.unwrap();
    let message = report["webhook_test"]["message"].as_str().unwrap();
    assert!(message.contains("is it another service?"), "{message}");
    assert_eq!(report["upload_status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_cannot_be_read_is_reported_and_not_uploaded() {
    let setup = Setup::new(TestApp::builder()).await;
    setup.catalog.fail_next(PortError::new(
        "read the shop",
        Disposition::ShopUnavailable {
            reason: UnavailableReason::Forbidden,
        },
        "Access denied",
    ));
    let (state, _) = setup.begin_login().await;
    let report = setup.app.get(&callback("good", &state)).send().await;
    let report: Value = report.unwrap().json().await.unwrap();
    assert_eq!(report["webhook_test"]["status"], "success");
    assert_eq!(
        report["polling_test"],
        json!({"status": "error", "message": "could not read the shop: Access denied"})
    );
    assert_eq!(report["upload_status"], "failed");
    setup.app.settled().await;
    assert_eq!((setup.catalog.scans(), setup.app.put_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_failed_upload_keeps_refreshing() {
    let setup = Setup::new(TestApp::builder()).await;
    setup.catalog.fail_scan(
        sync_core::ItemKind::Product,
        0,
        PortError::retry("read the products", "the shop is slow"),
    );
    let mut events = setup.app.service().run_events.subscribe();
    let (state, _) = setup.begin_login().await;
    let request = setup.app.get(&callback("good", &state));
    let response = request.header("Accept", "text/html").send().await.unwrap();
    while events.recv().await.unwrap().finished().is_none() {}
    let path = format!("/shopify/{}", header(&response, "location"));
    let page = setup.app.get(&path).header("Accept", "text/html");
    let page = page.send().await.unwrap();
    assert!(page.headers().contains_key("refresh"));
    let page = page.text().await.unwrap();
    assert!(page.contains("it will be retried"), "{page}");
}
