//! Tests a request: its form, its retries, and the result of each kind of response.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use shopify_client::{API_VERSION, Error, ShopDomain, StaticToken, Timeouts};
use wiremock::ResponseTemplate;

use crate::log_lines;
use crate::raw::{RawServer, truncated_response};
use crate::script::{
    Script, a_shop, builder, client_at, data, error, json_response, shop_at, throttled,
};

#[tokio::test]
async fn a_request_has_the_documented_form() {
    let script = Script::start().await;
    script.then("Shop", data(&a_shop()));
    let shop = script.shop().shop().await.unwrap();
    assert_eq!(shop.name, "Example");
    let requests = script.finish();
    assert_eq!(
        requests[0].path,
        format!("/example.myshopify.com/admin/api/{API_VERSION}/graphql.json")
    );
    assert_eq!(requests[0].token, "token");
    assert!(
        requests[0].body["query"]
            .as_str()
            .unwrap()
            .starts_with("query Shop")
    );
}

#[tokio::test]
async fn throttling_is_recognised_with_200_and_429_and_retried() {
    let script = Script::start().await;
    script
        .then("Shop", throttled(200))
        .then("Shop", throttled(429))
        .then(
            "Shop",
            ResponseTemplate::new(429).set_body_string("slow down"),
        )
        .then("Shop", data(&a_shop()));
    let shop = script.shop();
    shop.shop().await.unwrap();
    script.finish();
    assert_eq!(shop.usage().throttled, 3);
    assert_eq!(shop.usage().requests, 4);
}

#[tokio::test]
async fn being_throttled_does_not_use_up_the_attempts() {
    let script = Script::start().await;
    for _ in 0..20 {
        script.then("Shop", throttled(200));
    }
    script.then("Shop", data(&a_shop()));
    script.shop().shop().await.unwrap();
    script.finish();
}

#[tokio::test]
async fn the_usage_is_the_sum_of_the_costs() {
    let script = Script::start().await;
    let cost = json!({
        "requestedQueryCost": 3, "actualQueryCost": 2.5,
        "throttleStatus": {
            "maximumAvailable": 2000.0, "currentlyAvailable": 1998, "restoreRate": 100.0
        },
    });
    let response = json!({ "data": a_shop(), "extensions": { "cost": cost } });
    script.then("Shop", json_response(200, &response));
    script.then("Shop", json_response(200, &response));
    let shop = script.shop();
    shop.shop().await.unwrap();
    shop.shop().await.unwrap();
    assert!((shop.usage().points - 5.0).abs() < 1e-9);
}

#[tokio::test]
async fn an_unknown_form_of_the_cost_does_not_fail_the_response() {
    let script = Script::start().await;
    for extensions in [
        json!({ "cost": "free" }),
        json!({}),
        json!({ "cost": null }),
    ] {
        let response = json!({ "data": a_shop(), "extensions": extensions });
        script.then("Shop", json_response(200, &response));
        script.shop().shop().await.unwrap();
    }
    script.finish();
}

#[tokio::test]
async fn a_throttled_query_above_the_bucket_size_fails_at_once() {
    let script = Script::start().await;
    let response = json!({
        "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }],
        "extensions": { "cost": {
            "requestedQueryCost": 50, "actualQueryCost": null,
            "throttleStatus": { "maximumAvailable": 40, "currentlyAvailable": 40, "restoreRate": 2 },
        } },
    });
    script.then("Shop", json_response(200, &response));
    let error = script.shop().shop().await.unwrap_err();
    script.finish();
    assert!(matches!(error, Error::MaxCostExceeded { cost: Some(cost), .. } if cost > 49.0));
}

#[tokio::test]
async fn a_permanent_status_is_not_retried_and_has_its_own_error() {
    type Check = fn(&Error) -> bool;
    let checks: [(u16, &str, Check); 9] = [
        (401, r#"{"errors":"[API] Invalid API key"}"#, |error| {
            matches!(error, Error::Unauthorized)
        }),
        (402, "Payment Required", |error| {
            matches!(error, Error::ShopFrozen)
        }),
        (
            403,
            r#"{"errors":"This action requires approval"}"#,
            |error| matches!(error, Error::AccessDenied { message } if message.contains("approval")),
        ),
        (403, "<html>", |error| {
            matches!(error, Error::AccessDenied { .. })
        }),
        (404, r#"{"errors":"Not Found"}"#, |error| {
            matches!(error, Error::NotFound)
        }),
        (423, "", |error| matches!(error, Error::ShopLocked)),
        (430, "", |error| matches!(error, Error::SecurityRejection)),
        (400, r#"{"errors":{"query":"missing"}}"#, |error| {
            matches!(error, Error::GraphQl { .. })
        }),
        (302, "", |error| {
            matches!(error, Error::Status { status: 302, .. })
        }),
    ];
    for (status, body, expected) in checks {
        let script = Script::start().await;
        let response = ResponseTemplate::new(status)
            .insert_header("location", "https://evil.example/")
            .set_body_string(body);
        script.then("Shop", response);
        let error = script.shop().shop().await.unwrap_err();
        assert!(expected(&error), "{status}: {error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn each_graphql_error_code_has_its_own_error() {
    type Check = fn(&Error) -> bool;
    let checks: [(&str, Check); 4] = [
        ("ACCESS_DENIED", |error| {
            matches!(error, Error::AccessDenied { .. })
        }),
        ("SHOP_INACTIVE", |error| matches!(error, Error::ShopFrozen)),
        ("MAX_COST_EXCEEDED", |error| {
            matches!(error, Error::MaxCostExceeded { .. })
        }),
        ("undefinedField", |error| {
            matches!(error, Error::GraphQl { errors, .. }
                if errors[0].code.as_deref() == Some("undefinedField"))
        }),
    ];
    for (code, expected) in checks {
        let script = Script::start().await;
        script.then("Shop", error(code));
        let error = script.shop().shop().await.unwrap_err();
        assert!(expected(&error), "{code}: {error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn transient_failures_are_retried_up_to_a_limit() {
    for failing in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(502).set_body_string("<html>Bad Gateway</html>"),
        ResponseTemplate::new(503),
        error("INTERNAL_SERVER_ERROR"),
        ResponseTemplate::new(200).set_body_string("<html>"),
    ] {
        let script = Script::start().await;
        for _ in 0..4 {
            script.then("Shop", failing.clone());
        }
        script.then("Shop", data(&a_shop()));
        script.shop().shop().await.unwrap();
        script.finish();

        let script = Script::start().await;
        for _ in 0..5 {
            script.then("Shop", failing.clone());
        }
        let error = script.shop().shop().await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        script.finish();
    }
}

#[tokio::test]
async fn a_response_with_errors_is_never_data() {
    let script = Script::start().await;
    let response = json!({
        "data": a_shop(),
        "errors": [{ "message": "half of it failed", "path": ["shop", "plan"] }],
    });
    script.then("Shop", json_response(200, &response));
    let error = script.shop().shop().await.unwrap_err();
    assert!(matches!(error, Error::GraphQl { .. }), "{error:?}");
    assert!(error.to_string().contains("half of it failed"));
    script.finish();
}

#[tokio::test]
async fn an_empty_list_of_errors_is_no_error() {
    let script = Script::start().await;
    for errors in [json!([]), json!(null)] {
        let response = json!({ "data": a_shop(), "errors": errors });
        script.then("Shop", json_response(200, &response));
        script.shop().shop().await.unwrap();
    }
}

#[tokio::test]
async fn a_decode_error_names_the_path() {
    let script = Script::start().await;
    let mut response = a_shop();
    response["shop"]["plan"]["shopifyPlus"] = json!("yes");
    script
        .then("Shop", data(&response))
        .then("Shop", json_response(200, &json!({})));
    let error = script.shop().shop().await.unwrap_err();
    let Error::Decode { path, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(path.ends_with("plan.shopifyPlus"), "{path}");
    let error = script.shop().shop().await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    script.finish();
}

/// Responses contain texts of merchants, which must neither fill the log nor add lines to it.
#[tokio::test]
async fn what_errors_quote_is_short_and_on_one_line() {
    let long = "a response\nERROR all is lost \u{1b}[31m".repeat(1000);
    let script = Script::start().await;
    let mut response = a_shop();
    response["shop"]["plan"]["shopifyPlus"] = json!(long);
    let coded = json!({ "errors": [{ "message": long, "extensions": { "code": "odd" } }] });
    script
        .then("Shop", data(&response))
        .then("Shop", json_response(200, &coded))
        .then("Shop", json_response(403, &json!({ "errors": long })));
    let shop = script.shop();
    for _ in 0..3 {
        let error = shop.shop().await.unwrap_err();
        let mut texts = vec![error.to_string()];
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        let text = texts.join(": ");
        assert!(text.len() < 500 && text.contains("a response"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    script.finish();
}

#[tokio::test]
async fn a_truncated_response_is_retried() {
    let whole = json!({ "data": a_shop() }).to_string();
    for broken in [
        truncated_response(&whole, 1),
        truncated_response(&whole[..9], 50),
        Vec::new(),
    ] {
        let raw = RawServer::start(vec![broken.clone(), truncated_response(&whole, 0)]).await;
        shop_at(&raw.uri, builder()).shop().await.unwrap();
        assert_eq!(raw.requests(), 2);

        let raw = RawServer::start(vec![broken]).await;
        let error = shop_at(&raw.uri, builder()).shop().await.unwrap_err();
        assert!(matches!(error, Error::Transport { .. }), "{error:?}");
        assert_eq!(raw.requests(), 5);
    }
}

#[tokio::test]
async fn a_response_above_the_size_limit_is_not_read_to_its_end() {
    let script = Script::start().await;
    script.then("Shop", data(&json!({ "shop": "x".repeat(100_000) })));
    let error = script
        .shop_with(builder().max_response_size(10_000))
        .shop()
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    script.finish();
}

#[tokio::test]
async fn a_timeout_is_a_transient_failure() {
    let script = Script::start().await;
    let hanging = data(&a_shop()).set_delay(Duration::from_hours(1));
    script.then("Shop", hanging).then("Shop", data(&a_shop()));
    let quick = builder().timeouts(Timeouts {
        request: Duration::from_millis(200),
        ..Timeouts::default()
    });
    script.shop_with(quick).shop().await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_failed_connection_is_retryable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = shop_at(&uri, builder()).shop().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_mutation_that_may_have_been_executed_is_not_repeated() {
    let id = "gid://shopify/WebhookSubscription/1"
        .to_owned()
        .try_into()
        .unwrap();
    let name = "WebhookSubscriptionDelete";
    for ambiguous in [
        ResponseTemplate::new(502),
        error("INTERNAL_SERVER_ERROR"),
        ResponseTemplate::new(200).set_body_string("{\"data\":"),
    ] {
        let script = Script::start().await;
        script.then(name, ambiguous);
        let error = script
            .shop()
            .delete_webhook_subscription(&id)
            .await
            .unwrap_err();
        assert!(
            error.is_retryable(),
            "the caller may decide to retry: {error:?}"
        );
        script.finish();
    }
    let raw = RawServer::start(vec![Vec::new()]).await;
    let shop = shop_at(&raw.uri, builder());
    shop.delete_webhook_subscription(&id).await.unwrap_err();
    assert_eq!(raw.requests(), 1);
}

#[tokio::test]
async fn a_custom_mutation_is_recognised_in_any_form() {
    for document in ["mutation Mine { n }", "query A { n } mutation\nMine { n }"] {
        let script = Script::start().await;
        script.then("Mine", ResponseTemplate::new(502));
        let (shop, none) = (script.shop(), json!({}));
        let response = shop.execute::<serde_json::Value>("Mine", document, &none);
        response.await.unwrap_err();
        script.finish();
    }
}

#[tokio::test]
async fn a_throttled_mutation_is_repeated() {
    let id = "gid://shopify/WebhookSubscription/1"
        .to_owned()
        .try_into()
        .unwrap();
    let name = "WebhookSubscriptionDelete";
    let script = Script::start().await;
    let done = json!({ "webhookSubscriptionDelete": {
        "deletedWebhookSubscriptionId": "gid://shopify/WebhookSubscription/1", "userErrors": [],
    } });
    script.then(name, throttled(200)).then(name, data(&done));
    script
        .shop()
        .delete_webhook_subscription(&id)
        .await
        .unwrap();
    script.finish();
}

#[tokio::test]
async fn another_api_version_is_reported_once() {
    log_lines::capture();
    let script = Script::start().await;
    for version in ["2027-01", "2027-01", API_VERSION] {
        let response = data(&a_shop()).insert_header("X-Shopify-API-Version", version);
        script.then("Shop", response);
    }
    let other = ShopDomain::parse("old-version").unwrap();
    let token = Arc::new(StaticToken::new("token"));
    let shop = client_at(&script.uri(), builder()).shop(&other, token);
    for _ in 0..3 {
        shop.shop().await.unwrap();
    }
    let lines = log_lines::containing("old-version.myshopify.com");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("WARN") && lines[0].contains("2027-01"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_custom_query_is_sent_like_any_other() {
    #[derive(serde::Deserialize)]
    struct Response {
        n: u64,
    }
    let script = Script::start().await;
    script
        .then("Mine", throttled(200))
        .then("Mine", data(&json!({ "n": 7 })));
    let shop = script.shop();
    let variables = json!({ "a": 1 });
    let response = shop.execute::<Response>("Mine", "query Mine { n }", &variables);
    assert_eq!(response.await.unwrap().n, 7);
    assert_eq!(script.finish()[1].variables, json!({ "a": 1 }));
}
