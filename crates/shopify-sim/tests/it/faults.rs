//! Tests injected faults.

use serde_json::{Value, json};
use shopify_sim::{Fault, FaultKind, FaultTarget, RetryAfter};

use crate::world::World;

const NAME: &str = "query Name { shop { name } }";

async fn with_fault(kind: FaultKind) -> (World, reqwest::Result<reqwest::Response>) {
    let world = World::start().await;
    let token = world.token();
    world.shop.inject_fault(Fault::new(kind)).unwrap();
    let response = world.request(&token, NAME, &json!({})).send().await;
    assert!(
        world.accepts_token(&token).await,
        "only the first request fails"
    );
    (world, response)
}

#[tokio::test]
async fn statuses_are_injected() {
    for status in [401, 402, 403, 404, 423, 430, 500, 502, 503, 504] {
        let (world, response) = with_fault(FaultKind::Status(status)).await;
        let response = response.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("x-request-id"));
        let text = response.text().await.unwrap();
        let gateway = (502..=504).contains(&status);
        assert_eq!(serde_json::from_str::<Value>(&text).is_err(), gateway);
        let calls = world.shop.calls();
        assert_eq!((calls.failed, calls.faults), (1, 1));
    }
    let world = World::start().await;
    let impossible = Fault::new(FaultKind::Status(200));
    assert!(world.shop.inject_fault(impossible).is_err());
}

#[tokio::test]
async fn too_many_requests_may_say_when_to_come_back() {
    for (after, header) in [
        (None, None),
        (Some(RetryAfter::Seconds(2.0)), Some("2")),
        (Some(RetryAfter::Seconds(0.5)), Some("0.5")),
        (
            Some(RetryAfter::Date(90)),
            Some("Tue, 24 Nov 2026 12:01:30 GMT"),
        ),
    ] {
        let (_world, response) = with_fault(FaultKind::TooManyRequests(after)).await;
        let response = response.unwrap();
        assert_eq!(response.status(), 429);
        let headers = response.headers();
        let got = headers.get("retry-after").map(|v| v.to_str().unwrap());
        assert_eq!(got, header);
        assert_eq!(headers["date"], "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}

#[tokio::test]
async fn errors_can_have_status_200() {
    let (_world, response) = with_fault(FaultKind::Throttled).await;
    let body: Value = response.unwrap().json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(body["extensions"]["cost"]["requestedQueryCost"], 1);
    assert_eq!(body["extensions"]["cost"]["actualQueryCost"], json!(null));

    let (_world, response) = with_fault(FaultKind::InternalError).await;
    let body: Value = response.unwrap().json().await.unwrap();
    let code = &body["errors"][0]["extensions"]["code"];
    assert_eq!(code, "INTERNAL_SERVER_ERROR");
    assert_eq!(body.get("data"), None);

    let (_world, response) = with_fault(FaultKind::PartialData).await;
    let body: Value = response.unwrap().json().await.unwrap();
    assert_eq!(body["data"]["shop"]["name"], "Example");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn connections_break_before_after_and_during_the_response() {
    let (world, response) = with_fault(FaultKind::Reset).await;
    let error = response.unwrap_err();
    assert!(
        format!("{error:?}").contains("ConnectionReset"),
        "{error:?}"
    );
    assert_eq!(world.shop.calls().points, 1, "only the second was executed");

    let (world, response) = with_fault(FaultKind::LostResponse).await;
    assert!(response.is_err());
    assert_eq!(world.shop.calls().points, 2, "both were executed");

    let (_world, response) = with_fault(FaultKind::Truncated).await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 10);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_hanging_request_gets_no_response_and_does_not_block_others() {
    let world = World::start().await;
    let token = world.token();
    world
        .shop
        .inject_fault(Fault::new(FaultKind::Hang))
        .unwrap();
    let request = world.request(&token, NAME, &json!({}));
    let hanging = tokio::spawn(request.send());
    world.shop.wait_for_calls(|calls| calls.faults == 1).await;
    assert!(world.accepts_token(&token).await);
    assert!(!hanging.is_finished());
    world.sim.stop().await;
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn faults_apply_only_to_their_target() {
    let world = World::start().await;
    let token = world.token();
    let fault = Fault::new(FaultKind::Status(503));
    world
        .shop
        .inject_fault(fault.on_operation("Name").skip(1).times(2))
        .unwrap();
    let status = async |query| {
        let response = world
            .request(&token, query, &json!({}))
            .send()
            .await
            .unwrap();
        response.status().as_u16()
    };
    let other = "query Other { shop { name } }";
    assert_eq!(status(NAME).await, 200);
    assert_eq!(status(other).await, 200);
    assert_eq!(status(NAME).await, 503);
    assert_eq!(world.shop.faults()[0].times, Some(1));
    assert_eq!(status(NAME).await, 503);
    assert_eq!(status(NAME).await, 200);

    let fault = Fault::new(FaultKind::Status(500)).on(FaultTarget::AccessToken);
    world.shop.inject_fault(fault.always()).unwrap();
    let request = world.http.post(world.url("/admin/oauth/access_token"));
    let response = request.json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(status(NAME).await, 200);
    world.shop.clear_faults();
    let (rejected, _) = world.token_request(json!({})).await;
    assert_eq!(rejected, 400);
}

#[tokio::test]
async fn a_lost_token_response_has_used_the_code() {
    let world = World::start().await;
    let code = world.callback().await["code"].clone();
    let fault = Fault::new(FaultKind::LostResponse).on(FaultTarget::AccessToken);
    world.shop.inject_fault(fault).unwrap();
    let parameters = json!({"client_id": crate::world::KEY, "client_secret": crate::world::SECRET, "code": code});
    let request = world.http.post(world.url("/admin/oauth/access_token"));
    assert!(request.json(&parameters).send().await.is_err());
    let (status, rejected) = world.token_request(json!({"code": code})).await;
    assert_eq!(
        (status.as_u16(), &rejected["error"]),
        (400, &json!("invalid_request"))
    );
}
