//! Tests loading settings: layers, values, secrets, and the errors for invalid ones.

use std::io::Write as _;

use secrecy::ExposeSecret;

use super::*;

/// 32 bytes.
const KEY: &str = "S0VZLUtFWS1LRVktS0VZLUtFWS1LRVktS0VZLUtFWS0=";

fn load(variables: &[(&str, &str)]) -> Result<LoadedSettings, SettingsError> {
    let environment = Environment::from_pairs(variables.iter().copied());
    Settings::from_layers(None, &Environment::default(), &environment)
}

fn load_error(variables: &[(&str, &str)]) -> SettingsError {
    load(variables).expect_err("the settings should be rejected")
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn the_defaults_are_valid_and_list_every_key() {
    let settings = Settings::defaults();
    assert_eq!(settings.server.port, 5000);
    assert_eq!(settings.spaces.region, "nyc3");
    assert_eq!(
        settings.spaces.endpoint_url().as_str(),
        "https://nyc3.digitaloceanspaces.com/"
    );
}

#[test]
fn the_pages_generated_from_the_defaults_are_current() {
    let page = include_str!("../../../../docs/configuration.md");
    let regenerate = "run `shopsync check-config --reference > docs/configuration.md`";
    assert!(page == configuration_page(), "{regenerate}");
    let example = include_str!("../../../../.env.example");
    let regenerate = "run `shopsync check-config --env-example > .env.example`";
    assert!(example == env_example(), "{regenerate}");
}

#[test]
fn every_variable_and_secret_is_a_key_and_documented() {
    let page = configuration_page();
    let keys: Vec<_> = load(&[]).unwrap().effective;
    for (name, key) in layers::VARIABLES {
        assert!(keys.iter().any(|entry| entry.key == key), "{key}");
        assert!(page.contains(&format!("Variable: `{name}`.")), "{name}");
    }
    for key in layers::SECRET_KEYS {
        assert!(keys.iter().any(|entry| entry.key == key), "{key}");
    }
    for entry in keys {
        let name = entry.key.split_once('.').unwrap().1.to_owned();
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn short_variable_names_are_read() {
    let settings = load(&[
        ("SHOPIFY_API_KEY", "key"),
        ("SHOPIFY_API_SECRET", "00123"),
        (
            "SHOPIFY_REDIRECT_URI",
            "http://localhost:5000/shopify/callback",
        ),
        (
            "SHOPIFY_WEBHOOK_ADDRESS",
            "http://localhost:5000/shopify/webhook",
        ),
        ("STATE_TOKEN_SECRET", "state"),
        ("SPACES_ACCESS_KEY", "access"),
        ("SPACES_SECRET_KEY", "1e5"),
        ("SPACES_BUCKET", "123"),
        ("SPACES_REGION", "fra1"),
        ("FACEBOOK_APP_ID", "ignored"),
    ])
    .unwrap()
    .settings;
    // Values that look like numbers are kept as text.
    assert_eq!(settings.shopify.api_secret.expose_secret(), "00123");
    assert_eq!(settings.spaces.secret_key.expose_secret(), "1e5");
    assert_eq!(settings.spaces.bucket, "123");
    settings.require_for_serving().unwrap();
    assert!(settings.spaces.endpoint_url().as_str().contains("fra1"));
}

#[test]
fn later_layers_override_and_are_named_as_origins() {
    let file = file("[server]\nport = 1\naddress = \"127.0.0.1\"\n[poll]\nat = \"01:00\"\n");
    let dir = tempfile::tempdir().unwrap();
    let dot_env = dir.path().join(".env");
    std::fs::write(&dot_env, "PORT=2\nSHOPSYNC__POLL__AT=02:00\n").unwrap();
    let dot_env = Environment::from_dot_env(&dot_env).unwrap();
    let environment = Environment::from_pairs([("SHOPSYNC__SERVER__PORT", "3"), ("PORT", "")]);
    let loaded = Settings::from_layers(Some(file.path()), &dot_env, &environment).unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.server.port, 3);
    assert_eq!(settings.server.address.to_string(), "127.0.0.1");
    assert_eq!(settings.poll.at, "02:00");
    let origin = |key: &str| {
        let found = loaded.effective.iter().find(|entry| entry.key == key);
        found.unwrap().origin.clone()
    };
    assert_eq!(
        origin("server.port"),
        "SHOPSYNC__SERVER__PORT (environment)"
    );
    assert_eq!(origin("poll.at"), "SHOPSYNC__POLL__AT (.env)");
    assert_eq!(origin("server.address"), file.path().display().to_string());
    assert_eq!(origin("poll.spread"), "default");
}

#[test]
fn durations_and_lists_are_read() {
    let settings = load(&[
        ("SHOPSYNC__SYNC__DEBOUNCE", "250ms"),
        ("SHOPSYNC__SHOPIFY__SCOPES", "read_products, read_locations"),
        ("SHOPSYNC__SPACES__ADDRESSING", "virtual-host"),
    ])
    .unwrap()
    .settings;
    assert_eq!(
        settings.sync.debounce,
        std::time::Duration::from_millis(250)
    );
    assert_eq!(settings.shopify.scopes, ["read_products", "read_locations"]);
}

#[test]
fn invalid_values_are_rejected_by_key() {
    for (name, value, key) in [
        ("PORT", "http", "server.port"),
        ("PORT", "70000", "server.port"),
        (
            "SHOPSYNC__SERVER__ADDRESS",
            "localhost:80",
            "server.address",
        ),
        ("SHOPSYNC__SERVER__HTTP_WORKERS", "0", "server.http_workers"),
        (
            "SHOPSYNC__SERVER__WEBHOOK_BODY_LIMIT",
            "1",
            "server.webhook_body_limit",
        ),
        ("SHOPSYNC__SERVER__REPLICAS", "0", "server.replicas"),
        ("SHOPSYNC__SERVER__REPLICAS", "2", "server.replicas"),
        ("SHOPSYNC_ADMIN_TOKEN", "short", "server.admin_token"),
        ("SHOPIFY_ENDPOINT", "http://127.0.0.1:1", "shopify.endpoint"),
        ("SHOPIFY_ENDPOINT", "{shop}", "shopify.endpoint"),
        ("SHOPIFY_ENDPOINT", "ftp://x/{shop}", "shopify.endpoint"),
        ("SHOPIFY_REDIRECT_URI", "localhost", "shopify.redirect_uri"),
        (
            "SHOPIFY_WEBHOOK_ADDRESS",
            "/webhook",
            "shopify.webhook_address",
        ),
        (
            "SHOPSYNC__SHOPIFY__SCOPES",
            "read products",
            "shopify.scopes",
        ),
        ("SHOPSYNC__SHOPIFY__SCOPES", ",", "shopify.scopes"),
        (
            "SHOPSYNC__SHOPIFY__STATE_LIFETIME",
            "1s",
            "shopify.state_lifetime",
        ),
        (
            "SHOPSYNC__SHOPIFY__CALLBACK_WAIT",
            "1h",
            "shopify.callback_wait",
        ),
        (
            "SHOPSYNC__SHOPIFY__REQUEST_TIMEOUT",
            "0s",
            "shopify.request_timeout",
        ),
        (
            "SHOPSYNC__SHOPIFY__REQUIRE_STATE_COOKIE",
            "maybe",
            "shopify.require_state_cookie",
        ),
        (
            "SHOPSYNC__SHOPIFY__BUDGET_RESERVE",
            "95",
            "shopify.budget_reserve",
        ),
        ("HTTPS_PROXY", "http://", "network.proxy"),
        ("HTTPS_PROXY", "socks5://127.0.0.1:1080", "network.proxy"),
        ("HTTPS_PROXY", "proxy:port", "network.proxy"),
        (
            "SHOPSYNC__SHOPIFY__SCAN_STRATEGY",
            "pages",
            "shopify.scan_strategy",
        ),
        ("SHOPSYNC__SHOPIFY__BULK_POLL", "0s", "shopify.bulk_poll"),
        (
            "SHOPSYNC__SHOPIFY__BULK_TIMEOUT",
            "11days",
            "shopify.bulk_timeout",
        ),
        (
            "SHOPSYNC__SHOPIFY__SPOOL_FOLDER",
            "/nowhere/at/all",
            "shopify.spool_folder",
        ),
        (
            "SHOPSYNC__SHOPIFY__SPOOL_MEMORY",
            "1000",
            "shopify.spool_memory",
        ),
        (
            "SHOPSYNC__SPACES__SPOOL_FOLDER",
            "/nowhere/at/all",
            "spaces.spool_folder",
        ),
        ("SPACES_BUCKET", "https://bucket", "spaces.bucket"),
        ("SPACES_ENDPOINT", "nyc3", "spaces.endpoint"),
        ("SHOPSYNC__SPACES__ADDRESSING", "host", "spaces.addressing"),
        ("DATABASE_URL", "mysql://x", "database.url"),
        (
            "SHOPSYNC_ENCRYPTION_KEYS",
            "k1:c2hvcnQ=",
            "database.encryption_keys",
        ),
        (
            "SHOPSYNC__DATABASE__MAX_CONNECTIONS",
            "0",
            "database.max_connections",
        ),
        ("SHOPSYNC__SYNC__WORKERS", "0", "sync.workers"),
        ("SHOPSYNC__SYNC__BATCH", "251", "sync.batch"),
        ("SHOPSYNC__SYNC__DEBOUNCE", "soon", "sync.debounce"),
        ("SHOPSYNC__SYNC__LEASE", "1s", "sync.lease"),
        ("SHOPSYNC__SYNC__RETRY_BASE", "1h", "sync.retry_base"),
        (
            "SHOPSYNC__SYNC__DISAPPEARANCE_LIMIT",
            "101",
            "sync.disappearance_limit",
        ),
        ("SHOPSYNC__POLL__AT", "24:00", "poll.at"),
        ("SHOPSYNC__POLL__TIMEZONE", "Berlin", "poll.timezone"),
        ("SHOPSYNC__POLL__SPREAD", "2days", "poll.spread"),
        ("SHOPSYNC__LOG__FORMAT", "xml", "log.format"),
        ("RUST_LOG", "info,server=loud", "log.filter"),
    ] {
        let error = load_error(&[(name, value)]);
        assert_eq!(error.keys(), [key], "{name}={value}: {error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn unknown_keys_are_rejected_and_unrelated_variables_ignored() {
    let error = load_error(&[("SHOPSYNC__SYNC__WORKER", "4")]);
    assert_eq!(error.keys(), ["SHOPSYNC__SYNC__WORKER"]);
    let text = file("[sync]\nworker = 4\n");
    let empty = Environment::default();
    let error = Settings::from_layers(Some(text.path()), &empty, &empty).unwrap_err();
    assert_eq!(error.keys(), ["sync.worker"]);
    // Kubernetes sets these for a service called shopsync.
    load(&[
        ("SHOPSYNC_PORT", "tcp://10.0.0.1:5000"),
        ("SHOPSYNC_SERVICE_HOST", "x"),
    ])
    .unwrap();
}

#[test]
fn secrets_are_read_from_files() {
    let secret = file("s3cret\n");
    let path = secret.path().to_str().unwrap();
    let settings = load(&[("SHOPIFY_API_SECRET_FILE", path)]).unwrap().settings;
    assert_eq!(settings.shopify.api_secret.expose_secret(), "s3cret");

    let both = load_error(&[
        ("SHOPIFY_API_SECRET_FILE", path),
        ("SHOPIFY_API_SECRET", "x"),
    ]);
    assert_eq!(both.keys(), ["SHOPIFY_API_SECRET"]);
    let missing = load_error(&[("SPACES_SECRET_KEY_FILE", "/nowhere/at/all")]);
    assert_eq!(missing.keys(), ["SPACES_SECRET_KEY_FILE"]);
    assert!(missing.to_string().contains("/nowhere/at/all"), "{missing}");
    let empty = file("\n");
    let empty = load_error(&[("STATE_TOKEN_SECRET_FILE", empty.path().to_str().unwrap())]);
    assert_eq!(empty.keys(), ["STATE_TOKEN_SECRET_FILE"]);
    // Only secrets can be read from files.
    let odd = load_error(&[("SHOPSYNC__POLL__AT_FILE", path)]);
    assert_eq!(odd.keys(), ["SHOPSYNC__POLL__AT_FILE"]);
}

#[test]
fn secret_values_are_never_shown() {
    let canary = "canary-8d1f";
    let text = file(&format!("[shopify.api_secret]\nx = \"{canary}\"\n"));
    let broken = file(&format!("[shopify]\napi_secret = {canary}\n"));
    let empty = Environment::default();
    for file in [text.path(), broken.path()] {
        let error = Settings::from_layers(Some(file), &empty, &empty).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(
            !format!("{error} {error:?} {source:?}").contains(canary),
            "{error:?}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let dot_env = dir.path().join(".env");
    std::fs::write(&dot_env, format!("SHOPIFY_API_SECRET {canary}\n")).unwrap();
    let error = Environment::from_dot_env(&dot_env).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(
        !format!("{error:?} {source:?}").contains(canary),
        "{error:?}"
    );

    let mut variables = vec![(
        "DATABASE_URL".to_owned(),
        format!("postgres://u:{canary}@h/d"),
    )];
    for (name, key) in layers::VARIABLES {
        if layers::SECRET_KEYS.contains(&key) && name != "DATABASE_URL" {
            let value = match key {
                "database.encryption_keys" => format!("{canary}:{KEY}"),
                _ => format!("{canary}-{name}"),
            };
            variables.push((name.to_owned(), value));
        }
    }
    let variables: Vec<_> = variables
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let loaded = load(&variables).unwrap();
    assert!(!format!("{loaded:?}").contains(canary), "{loaded:?}");
    assert!(!format!("{loaded:?}").contains(KEY), "{loaded:?}");
    assert!(format!("{:?}", loaded.effective).contains("postgres://u:***@h/d"));
}

#[test]
fn all_missing_settings_are_named_together() {
    let error = Settings::defaults().require_for_serving().unwrap_err();
    assert_eq!(
        error.keys(),
        [
            "shopify.api_key",
            "shopify.api_secret",
            "spaces.access_key",
            "spaces.secret_key",
            "spaces.bucket",
            "shopify.redirect_uri",
            "shopify.webhook_address",
        ]
    );
    assert!(error.to_string().contains("Set SPACES_BUCKET"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let empty = Environment::default();
    let path = Path::new("/nowhere.toml");
    let error = Settings::from_layers(Some(path), &empty, &empty).unwrap_err();
    assert!(error.to_string().contains("/nowhere.toml"), "{error}");
}

#[test]
fn a_proxy_is_read_from_the_standard_variables() {
    let proxy = |variables: &[(&str, &str)]| load(variables).unwrap().settings.network.proxy();
    assert!(proxy(&[]).is_none());
    assert!(proxy(&[("HTTP_PROXY", "http://proxy:1"), ("NO_PROXY", "a.example")]).is_none());
    for (name, url) in [
        ("HTTPS_PROXY", "http://user:ge%40heim@proxy.example:3128"),
        ("https_proxy", "https://proxy.example"),
        ("SHOPSYNC__NETWORK__PROXY", "http://proxy.example:3128/"),
    ] {
        assert_eq!(proxy(&[(name, url)]).unwrap().url.expose_secret(), url);
    }
    let short = proxy(&[
        ("HTTPS_PROXY", "user:geheim@proxy:3128"),
        ("https_proxy", "other:1"),
    ]);
    assert_eq!(
        short.unwrap().url.expose_secret(),
        "http://user:geheim@proxy:3128"
    );

    let bypass = |list| {
        proxy(&[("HTTPS_PROXY", "proxy:1"), ("no_proxy", list)])
            .unwrap()
            .bypass
    };
    let this_machine = ["localhost", "127.0.0.0/8", "::1"];
    assert_eq!(bypass(""), this_machine);
    let named = bypass("a.example, .b.example,*.c.example,10.0.0.0/8");
    assert_eq!(
        named[..4],
        ["a.example", ".b.example", ".c.example", "10.0.0.0/8"]
    );
    assert_eq!(named[4..], this_machine);
    assert!(proxy(&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "a.example,*")]).is_none());
}

#[test]
fn a_proxys_password_is_never_shown() {
    for url in ["user:geheim@proxy:3128", "http://user:geheim@proxy:3128"] {
        let loaded = load(&[("HTTPS_PROXY", url)]).unwrap();
        let text = format!("{loaded:?}{:?}", loaded.settings.network.proxy());
        assert!(!text.contains("geheim"), "{text}");
    }
    for url in [
        "socks5://user:geheim@proxy:1",
        "http://user:geheim@",
        "user:geheim@proxy:99999",
    ] {
        let error = load_error(&[("HTTPS_PROXY", url)]);
        assert_eq!(error.keys(), ["network.proxy"]);
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    }
    let error = load_error(&[("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "a.example:443")]);
    assert_eq!(error.keys(), ["network.no_proxy"]);
    assert!(error.to_string().contains("a.example:443"), "{error}");
}
