//! Tests that the rotation of a secret invalidates neither installations under way, nor their reports, nor stored tokens.

use secrecy::ExposeSecret;
use sync_core::ports::ShopRegistry;

use super::{Setup, TOKEN, callback, header, shop};
use crate::support::{SECRET, TestApp};

/// A secret's variable, its old and its new value.
struct Rotation {
    variable: &'static str,
    old: &'static str,
    new: &'static str,
}

const OF_STATE: Rotation = Rotation {
    variable: "STATE_TOKEN_SECRET",
    old: "the old state secret",
    new: "the new state secret",
};

/// Keys are derived from the client secret if there is no state secret.
const OF_APP: Rotation = Rotation {
    variable: "SHOPIFY_API_SECRET",
    old: "the old client secret",
    new: SECRET,
};

impl Rotation {
    fn previous(&self) -> String {
        format!("{}_PREVIOUS", self.variable)
    }

    /// A service with the old secret.
    async fn before(&self) -> Setup {
        let builder = TestApp::builder().set("STATE_TOKEN_SECRET", "");
        Setup::new(builder.set(self.variable, self.old)).await
    }

    /// Restarts the service with the new secret, and with or without the old one as the previous.
    async fn restart(&self, setup: &mut Setup, keep: bool) {
        setup.app.set(self.variable, self.new);
        let previous = if keep { self.old } else { "" };
        setup.app.set(&self.previous(), previous);
        setup.app.restart().await;
    }
}

/// Completes an installation in a browser and returns the address of its report.
async fn complete(setup: &Setup, state: &str, cookie: &str) -> String {
    let request = setup.app.get(&callback("good", state));
    let request = request.header("Accept", "text/html");
    let response = request.header("Cookie", cookie).send().await.unwrap();
    assert_eq!(response.status(), 303);
    format!("/shopify/{}", header(&response, "location"))
}

async fn stored_token(setup: &Setup) -> Result<String, String> {
    let token = setup.app.service().database.token(&shop()).await;
    let token = token.map_err(|error| error.chain())?.unwrap().token;
    Ok(token.access_token.expose_secret().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_under_way_survives_a_rotation() {
    for rotation in [OF_STATE, OF_APP] {
        let mut setup = rotation.before().await;
        let (state, cookie) = setup.begin_login().await;
        rotation.restart(&mut setup, true).await;
        let report = complete(&setup, &state, &cookie).await;
        let page = setup.app.get(&report).send().await.unwrap();
        assert_eq!(page.status(), 200, "{}", rotation.variable);

        let (state, _) = rotation.before().await.begin_login().await;
        rotation.restart(&mut setup, false).await;
        let path = callback("good", &state);
        setup.assert_refused(&path, 400, "invalid_state").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_tokens_survive_a_rotation() {
    // The client secret is needed to install a shop, so it is rotated away from the one that Shopify knows.
    let of_app = Rotation {
        old: SECRET,
        new: "the new client secret",
        ..OF_APP
    };
    for rotation in [OF_STATE, of_app] {
        let mut setup = rotation.before().await;
        let (state, cookie) = setup.begin_login().await;
        let report = complete(&setup, &state, &cookie).await;
        setup.app.settled().await;

        // Without the previous secret, which the error names as the remedy.
        rotation.restart(&mut setup, false).await;
        setup.assert_refused(&report, 404, "not_found").await;
        let refused = stored_token(&setup).await.unwrap_err();
        assert!(
            refused.contains("configure the previous secret too"),
            "{refused}"
        );

        rotation.restart(&mut setup, true).await;
        let page = setup.app.get(&report).send().await.unwrap();
        assert_eq!(page.status(), 200, "{}", rotation.variable);
        assert_eq!(stored_token(&setup).await.unwrap(), TOKEN);

        // The periodic jobs have sealed the tokens with the new key: the previous secret is not needed any more.
        setup.app.run_due_jobs().await;
        rotation.restart(&mut setup, false).await;
        assert_eq!(stored_token(&setup).await.unwrap(), TOKEN);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_survive_the_step_from_derived_to_configured_keys() {
    let mut setup = OF_APP.before().await;
    setup.app.set("SHOPIFY_API_SECRET", SECRET);
    setup.app.restart().await;
    let (state, cookie) = setup.begin_login().await;
    complete(&setup, &state, &cookie).await;
    setup.app.settled().await;
    // First a secret of its own, then keys.
    setup.app.set("STATE_TOKEN_SECRET", "a state secret");
    setup.app.restart().await;
    assert_eq!(stored_token(&setup).await.unwrap(), TOKEN);
    let key = "k1:S0VZLUtFWS1LRVktS0VZLUtFWS1LRVktS0VZLUtFWS0=";
    setup.app.set("SHOPSYNC_ENCRYPTION_KEYS", key);
    setup.app.restart().await;
    assert_eq!(stored_token(&setup).await.unwrap(), TOKEN);
    setup.app.run_due_jobs().await;
    setup.app.set("STATE_TOKEN_SECRET", "another state secret");
    setup.app.set("SHOPIFY_API_SECRET", "another client secret");
    setup.app.restart().await;
    assert_eq!(stored_token(&setup).await.unwrap(), TOKEN);
}
