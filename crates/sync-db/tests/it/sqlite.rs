use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, SqliteConnection};
use sync_core::ports::{Inbox, ShopRegistry};
use sync_core::{Disposition, ItemKind, WorkRequest};
use sync_db::{Config, Database, Error, Resealed, TokenCipher};
use tempfile::TempDir;
use testkit::{at, installation, key, shop};

mod contract {
    use super::{Database, TempDir, temporary};

    async fn fresh() -> Option<(Database, TempDir)> {
        Some(temporary().await)
    }

    testkit::state_contract!(super::fresh);
}

pub(crate) fn config() -> Config {
    Config::new(TokenCipher::derive_from(&SecretString::from("test")))
}

/// A new database and its folder, which is removed at the end of the test.
pub(crate) async fn temporary() -> (Database, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&url(&folder)).await, folder)
}

pub(crate) async fn open(url: &str) -> Database {
    Database::connect(url, config()).await.unwrap()
}

pub(crate) fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("made/state.db").display())
}

#[tokio::test]
async fn invalid_urls_are_rejected() {
    for url in ["", "shopsync.db", "mysql://localhost/x", "file:x"] {
        let refused = Database::connect(url, config()).await.unwrap_err();
        assert!(
            matches!(refused, Error::UnknownScheme),
            "{url}: {refused:?}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let url = format!("sqlite:{}", file.join("state.db").display());
    let refused = Database::connect(&url, config()).await.unwrap_err();
    assert!(matches!(refused, Error::Folder { .. }), "{refused:?}");
    let url = format!("sqlite:{}", file.display());
    let refused = Database::connect(&url, config()).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused(_)),
        "a file of another kind: {refused:?}"
    );
}

#[tokio::test]
async fn a_database_in_memory_lives_with_its_handle() {
    let database = Database::connect("sqlite::memory:", config())
        .await
        .unwrap();
    let a = shop("a");
    let now = at("2026-11-24T12:00:00Z");
    database.install(&installation(&a, now)).await.unwrap();
    assert!(database.find(&a).await.unwrap().is_some());
    database.ping().await.unwrap();
}

#[tokio::test]
async fn tokens_survive_a_restart_and_are_encrypted_in_the_files() {
    let (state, folder) = temporary().await;
    let a = shop("a");
    let now = at("2026-11-24T12:00:00Z");
    state.install(&installation(&a, now)).await.unwrap();
    let file = folder.path().join("made/state.db");
    let url = url(&folder);
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&b"shpat_a"[..], b"shprt_a"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "a token is readable in the database");
        }
    }
    state.close().await;
    let again = Database::connect(&url, config()).await.unwrap();
    let token = again.token(&a).await.unwrap().unwrap().token;
    assert_eq!(token.access_token.expose_secret(), "shpat_a");
    again.close().await;

    let other = Config::new(TokenCipher::derive_from(&SecretString::from("other")));
    let stranger = Database::connect(&url, other).await.unwrap();
    let refused = stranger.token(&a).await.unwrap_err();
    assert_eq!(refused.disposition, Disposition::Fail);
    assert!(
        refused
            .chain()
            .contains("configure the previous secret too"),
        "{}",
        refused.chain()
    );
}

/// The service and a command that runs at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_processes_renews_a_token() {
    let (first, folder) = temporary().await;
    let second = Database::connect(&url(&folder), config()).await.unwrap();
    crate::renewals::race(&[first, second]).await;
}

/// During an upgrade, replicas of the previous release do not know attempts.
#[tokio::test]
async fn an_attempt_ends_when_an_older_replica_replaces_the_token() {
    let (state, folder) = temporary().await;
    let a = shop("a");
    let now = at("2026-11-24T12:00:00Z");
    state.install(&installation(&a, now)).await.unwrap();
    let attempt = crate::renewals::attempt(1, now);
    assert!(
        state
            .begin_token_attempt(&a, 1, None, attempt)
            .await
            .unwrap()
    );
    let mut older = SqliteConnection::connect(&url(&folder)).await.unwrap();
    older
        .execute("UPDATE shop SET token_version = token_version + 1")
        .await
        .unwrap();

    let replaced = state.token(&a).await.unwrap().unwrap();
    assert_eq!((replaced.version, replaced.attempt), (2, None));
    let token = &replaced.token;
    let late = state.replace_token(&a, 2, attempt, token).await;
    assert!(!late.unwrap());
    assert!(
        state
            .begin_token_attempt(&a, 2, None, attempt)
            .await
            .unwrap()
    );
    let saved = state.replace_token(&a, 2, attempt, token).await;
    assert!(saved.unwrap());
}

#[tokio::test]
async fn a_purpose_of_a_later_release_is_an_error() {
    let (state, folder) = temporary().await;
    let a = shop("a");
    let now = at("2026-11-24T12:00:00Z");
    state.install(&installation(&a, now)).await.unwrap();
    let attempt = crate::renewals::attempt(1, now);
    assert!(
        state
            .begin_token_attempt(&a, 1, None, attempt)
            .await
            .unwrap()
    );
    let mut later = SqliteConnection::connect(&url(&folder)).await.unwrap();
    later
        .execute("UPDATE shop SET attempt_purpose = 'theft'")
        .await
        .unwrap();
    let refused = state.token(&a).await.unwrap_err();
    assert_eq!(refused.disposition, Disposition::Fail);
    assert!(
        refused.chain().contains("purpose of a token's renewal"),
        "{}",
        refused.chain()
    );
}

#[tokio::test]
async fn tokens_are_resealed_with_the_first_key() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    let keys = |names: &[(&str, u8)]| {
        let keys = names
            .iter()
            .map(|(name, byte)| ((*name).to_owned(), [*byte; 32]));
        Config::new(TokenCipher::from_keys(keys).unwrap())
    };
    let old = Database::connect(&url, keys(&[("old", 1)])).await.unwrap();
    let now = at("2026-11-24T12:00:00Z");
    for name in ["a", "b"] {
        old.install(&installation(&shop(name), now)).await.unwrap();
    }
    assert_eq!(old.reseal_tokens().await.unwrap(), resealed(0, 0));
    let before = old.token(&shop("a")).await.unwrap().unwrap();
    let attempt = crate::renewals::attempt(1, now);
    let begun = old
        .begin_token_attempt(&shop("a"), before.version, None, attempt)
        .await;
    assert!(begun.unwrap());

    let both = keys(&[("new", 2), ("old", 1)]);
    let both = Database::connect(&url, both).await.unwrap();
    assert_eq!(both.reseal_tokens().await.unwrap(), resealed(2, 0));
    assert_eq!(both.reseal_tokens().await.unwrap(), resealed(0, 0));
    let new = Database::connect(&url, keys(&[("new", 2)])).await.unwrap();
    let after = new.token(&shop("a")).await.unwrap().unwrap();
    assert_eq!(after.version, before.version, "the same token");
    assert_eq!(after.attempt, Some(attempt));
    assert_eq!(after.token.access_token.expose_secret(), "shpat_a");
    let refresh = after.token.refresh_token.unwrap();
    assert_eq!(refresh.expose_secret(), "shprt_a");

    let unknown = Database::connect(&url, keys(&[("third", 3)]))
        .await
        .unwrap();
    assert_eq!(unknown.reseal_tokens().await.unwrap(), resealed(0, 2));
    let still = new.token(&shop("b")).await.unwrap().unwrap().token;
    assert_eq!(still.access_token.expose_secret(), "shpat_b");
}

fn resealed(resealed: u64, unreadable: u64) -> Resealed {
    Resealed {
        resealed,
        unreadable,
    }
}

#[tokio::test]
async fn after_a_rotation_of_their_secret_tokens_are_readable_with_the_previous_one() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    let [old_secret, new_secret] = ["old secret", "new secret"].map(SecretString::from);
    let before = Config::new(TokenCipher::derive_from(&old_secret));
    let before = Database::connect(&url, before).await.unwrap();
    let now = at("2026-11-24T12:00:00Z");
    let shops = ["a", "b", "c"].map(shop);
    for domain in &shops {
        before.install(&installation(domain, now)).await.unwrap();
    }

    let alone = Config::new(TokenCipher::derive_from(&new_secret));
    let alone = Database::connect(&url, alone).await.unwrap();
    let refused = alone.token(&shops[0]).await.unwrap_err();
    assert_eq!(refused.disposition, Disposition::Fail);
    let text = refused.chain();
    assert!(text.contains("configure the previous secret too"), "{text}");
    assert_eq!(alone.reseal_tokens().await.unwrap(), resealed(0, 3));

    let cipher = || TokenCipher::derive_from(&new_secret).opening_derived([&old_secret]);
    let one = Database::connect(&url, Config::new(cipher()))
        .await
        .unwrap();
    let two = Database::connect(&url, Config::new(cipher()))
        .await
        .unwrap();
    let opened = one.token(&shops[0]).await.unwrap().unwrap().token;
    assert_eq!(opened.access_token.expose_secret(), "shpat_a");
    // Two processes at once: each token is sealed again by one of them.
    let (by_one, by_two) = tokio::join!(one.reseal_tokens(), two.reseal_tokens());
    let (by_one, by_two) = (by_one.unwrap(), by_two.unwrap());
    assert_eq!(
        by_one.resealed + by_two.resealed,
        3,
        "{by_one:?} {by_two:?}"
    );
    for (domain, token) in shops.iter().zip(["shpat_a", "shpat_b", "shpat_c"]) {
        let opened = alone.token(domain).await.unwrap().unwrap().token;
        assert_eq!(opened.access_token.expose_secret(), token);
    }
}

#[tokio::test]
async fn a_full_disk_is_a_transient_error() {
    let (state, folder) = temporary().await;
    let url = url(&folder);
    state.close().await;
    let mut limited = config();
    limited.page_limit = Some(256);
    let raw = Database::connect(&url, limited).await.unwrap();
    let a = shop("a");
    let now = at("2026-11-24T12:00:00Z");
    raw.install(&installation(&a, now)).await.unwrap();
    let keys = (0..200_000).map(|id| key(ItemKind::Product, id)).collect();
    let refused = raw
        .request(&a, &WorkRequest::items(keys), now)
        .await
        .unwrap_err();
    assert_eq!(refused.disposition, Disposition::Retry { after: None });
    assert!(refused.chain().contains("full"), "{}", refused.chain());
    // The rejected request was rolled back, and the database still works.
    let small = WorkRequest::items(vec![key(ItemKind::Product, 1)]);
    raw.request(&a, &small, now).await.unwrap();
}
