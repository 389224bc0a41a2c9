//! Probes a store's capabilities with a temporary object, to diagnose problems before the first upload.

use std::sync::Arc;

use object_store::{ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::snapshot::Spool;
use crate::store::{ObjectMeta, Store};

/// What a store supports beyond reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It keeps metadata, so that comparing costs one HEAD and no GET.
    pub metadata: bool,
    /// It rejects creating an object that exists (`If-None-Match: *`).
    pub conditional_create: bool,
    /// It replaces an object only if it is the expected version (`If-Match`).
    pub conditional_update: bool,
}

/// Writes, reads and deletes one small object below `.spaces-store-probe/`.
///
/// # Errors
/// The variant names the problem: [`Error::WrongCredentials`], [`Error::NoSuchBucket`], [`Error::ClockSkewed`],
/// [`Error::AccessDenied`], [`Error::WrongEndpoint`], [`Error::Transport`] and so on.
pub async fn probe(backend: Arc<dyn ObjectStore>) -> Result<Capabilities> {
    let store = Store::new(Arc::clone(&backend));
    let key = ObjectKey::probe(&hex::encode(rand::random::<[u8; 8]>()));
    let found = run_probe(&store, backend.as_ref(), &key).await;
    let deleted = store.delete(&key).await;
    let capabilities = found?;
    deleted?;
    Ok(capabilities)
}

async fn run_probe(
    store: &Store,
    backend: &dyn ObjectStore,
    key: &ObjectKey,
) -> Result<Capabilities> {
    let body = Spool::from(b"{\"probe\":1}".to_vec());
    store
        .put_if_changed(key, &body, &ObjectMeta::json(1, 1))
        .await?;
    let Some(stored) = store.verify(key).await? else {
        return Err(Error::Integrity {
            key: key.to_string(),
            what: "an object that was just written does not exist",
        });
    };
    if stored.hash != body.sha256() {
        return Err(Error::Integrity {
            key: key.to_string(),
            what: "the bytes read differ from the bytes written",
        });
    }
    Ok(Capabilities {
        metadata: stored.recorded_hash == Some(body.sha256()),
        conditional_create: !put_succeeds(backend, key, PutMode::Create).await?,
        conditional_update: supports_conditional_update(backend, key).await?,
    })
}

async fn supports_conditional_update(backend: &dyn ObjectStore, key: &ObjectKey) -> Result<bool> {
    let expecting = |e_tag: Option<String>| {
        PutMode::Update(UpdateVersion {
            e_tag,
            version: None,
        })
    };
    let other = expecting(Some("\"00000000000000000000000000000000\"".to_owned()));
    if put_succeeds(backend, key, other).await? {
        return Ok(false);
    }
    let head = object_store::GetOptions {
        head: true,
        ..object_store::GetOptions::default()
    };
    let current = backend.get_opts(key.path(), head).await?.meta.e_tag;
    put_succeeds(backend, key, expecting(current)).await
}

/// Whether a write in `mode` succeeds. A store without support for `mode` counts as rejecting it.
async fn put_succeeds(backend: &dyn ObjectStore, key: &ObjectKey, mode: PutMode) -> Result<bool> {
    let payload = PutPayload::from_static(b"{\"probe\":2}");
    let put = backend.put_opts(key.path(), payload, PutOptions::from(mode));
    match put.await.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(Error::PreconditionFailed { .. } | Error::Unsupported(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
