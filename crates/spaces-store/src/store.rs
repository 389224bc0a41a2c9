//! Uploads a document only if its hash differs from that of the stored object.

mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{Attribute, Attributes, GetOptions, GetResult, ObjectStore, ObjectStoreExt};

use crate::counting::{CountingStore, RequestCounts};
use crate::digest::{ContentHash, Hasher};
use crate::error::{Error, Result};
use crate::key::{ObjectKey, ShopPrefix};
use crate::snapshot::Spool;

/// Metadata key of the object's [`ContentHash`]: the header `x-amz-meta-sha256`.
pub const META_SHA256: &str = "sha256";
/// Metadata key of the snapshot's generation.
pub const META_GENERATION: &str = "generation";
/// Metadata key of the document format's version.
pub const META_SCHEMA_VERSION: &str = "schema-version";

/// The metadata stored with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The media type, such as `application/json`.
    pub content_type: String,
    /// The snapshot's generation.
    pub generation: u64,
    /// The version of the document format.
    pub schema_version: u32,
}

impl ObjectMeta {
    /// Metadata with media type `application/json`.
    pub fn json(generation: u64, schema_version: u32) -> Self {
        Self {
            content_type: "application/json".to_owned(),
            generation,
            schema_version,
        }
    }
}

/// The sizes that decide between a single PUT and a multipart upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadConfig {
    /// Objects up to this many bytes are uploaded by one PUT and held in memory during it. Default: 64 MiB.
    pub multipart_threshold: u64,
    /// Part size of larger objects, in bytes; one part is in memory at a time. At least 5 MiB (S3's minimum).
    /// Default: 16 MiB, which allows 156 GiB with S3's limit of 10,000 parts.
    pub part_size: usize,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            multipart_threshold: 64 << 20,
            part_size: 16 << 20,
        }
    }
}

/// The outcome of [`Store::put_if_changed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The store already had the same bytes. Nothing was written.
    Unchanged {
        /// The hash of the bytes.
        hash: ContentHash,
    },
    /// The bytes were written.
    Uploaded {
        /// The hash of the bytes.
        hash: ContentHash,
        /// The number of bytes.
        bytes: u64,
        /// The object's ETag, if the store returned one.
        e_tag: Option<String>,
        /// Whether an object with other bytes was replaced.
        replaced: bool,
    },
}

impl PutOutcome {
    /// Whether the bytes were written.
    pub const fn is_uploaded(&self) -> bool {
        matches!(self, Self::Uploaded { .. })
    }
}

/// The stored object compared with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The object does not exist.
    Absent,
    /// The object has the same bytes.
    Same,
    /// The object has other bytes.
    Different,
}

/// An object's metadata and a stream of its bytes.
pub struct StoredObject {
    /// The number of bytes.
    pub len: u64,
    /// The hash recorded at upload; not checked.
    pub recorded_hash: Option<ContentHash>,
    /// The recorded generation.
    pub generation: Option<u64>,
    /// The recorded version of the document format.
    pub schema_version: Option<u32>,
    /// The stream of bytes.
    pub bytes: BoxStream<'static, Result<bytes::Bytes>>,
}

impl std::fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredObject")
            .field("len", &self.len)
            .field("recorded_hash", &self.recorded_hash)
            .field("generation", &self.generation)
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

impl StoredObject {
    /// Reads all bytes into memory.
    pub async fn into_vec(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::with_capacity(usize::try_from(self.len).unwrap_or_default());
        while let Some(piece) = self.bytes.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// The result of [`Store::verify`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// The hash of the bytes, computed from the object.
    pub hash: ContentHash,
    /// The number of bytes.
    pub bytes: u64,
    /// The hash recorded at upload.
    pub recorded_hash: Option<ContentHash>,
    /// The recorded generation.
    pub generation: Option<u64>,
}

impl Verification {
    /// Whether the bytes match the recorded hash. An object without a recorded hash counts as intact.
    pub fn is_intact(&self) -> bool {
        self.recorded_hash
            .is_none_or(|recorded| recorded == self.hash)
    }
}

/// An object store that uploads only changed documents. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Store {
    backend: CountingStore,
    upload: UploadConfig,
    /// Cleared when the backend rejects attributes, as a local folder does.
    keeps_attributes: Arc<AtomicBool>,
}

impl Store {
    /// A store on `backend` with the default upload sizes.
    pub fn new(backend: Arc<dyn ObjectStore>) -> Self {
        Self {
            backend: CountingStore::new(backend),
            upload: UploadConfig::default(),
            keeps_attributes: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Sets the upload sizes.
    #[must_use]
    pub fn with_upload_config(mut self, upload: UploadConfig) -> Self {
        self.upload = upload;
        self
    }

    /// The requests of this store and its clones so far.
    pub fn requests(&self) -> RequestCounts {
        self.backend.counts()
    }

    /// Uploads `body` unless the store already has the same bytes.
    ///
    /// Bytes are the same if the size and the recorded hash match; if no hash was recorded, the stored bytes are read
    /// and hashed. A reader sees the old or the new object, never a mix. If the process ends before the upload is
    /// confirmed, the next call compares again.
    ///
    /// With two concurrent writers of one key the last one wins: use a lease to prevent that.
    pub async fn put_if_changed(
        &self,
        key: &ObjectKey,
        body: &Spool,
        meta: &ObjectMeta,
    ) -> Result<PutOutcome> {
        let hash = body.sha256();
        let replaced = match self.compare(key, body).await? {
            Comparison::Same => return Ok(PutOutcome::Unchanged { hash }),
            Comparison::Absent => false,
            Comparison::Different => true,
        };
        let e_tag = self.upload(key, body, meta).await?;
        Ok(PutOutcome::Uploaded {
            hash,
            bytes: body.len(),
            e_tag,
            replaced,
        })
    }

    /// Compares the stored object with `body`: the check that [`put_if_changed`](Self::put_if_changed) makes. Writes
    /// nothing.
    pub async fn compare(&self, key: &ObjectKey, body: &Spool) -> Result<Comparison> {
        let Some(head) = self.get(key, true).await? else {
            return Ok(Comparison::Absent);
        };
        if head.meta.size != body.len() {
            return Ok(Comparison::Different);
        }
        let stored = match recorded_hash(&head.attributes) {
            Some(recorded) => recorded,
            None => match self.get(key, false).await? {
                Some(object) => hash_of(object).await?.finish(),
                None => return Ok(Comparison::Absent),
            },
        };
        Ok(if stored == body.sha256() {
            Comparison::Same
        } else {
            Comparison::Different
        })
    }

    /// Opens an object for reading; `None` if it does not exist.
    pub async fn read(&self, key: &ObjectKey) -> Result<Option<StoredObject>> {
        let Some(object) = self.get(key, false).await? else {
            return Ok(None);
        };
        Ok(Some(StoredObject {
            len: object.meta.size,
            recorded_hash: recorded_hash(&object.attributes),
            generation: metadata_value(&object.attributes, META_GENERATION),
            schema_version: metadata_value(&object.attributes, META_SCHEMA_VERSION),
            bytes: object.into_stream().map_err(Error::from).boxed(),
        }))
    }

    /// Reads an object and hashes its bytes; `None` if it does not exist.
    pub async fn verify(&self, key: &ObjectKey) -> Result<Option<Verification>> {
        let Some(object) = self.get(key, false).await? else {
            return Ok(None);
        };
        let recorded_hash = recorded_hash(&object.attributes);
        let generation = metadata_value(&object.attributes, META_GENERATION);
        let hasher = hash_of(object).await?;
        Ok(Some(Verification {
            bytes: hasher.len(),
            hash: hasher.finish(),
            recorded_hash,
            generation,
        }))
    }

    /// Deletes all objects of a shop and returns their number. Idempotent.
    pub async fn delete_prefix(&self, shop: &ShopPrefix) -> Result<u64> {
        let found = self.backend.list(Some(&shop.to_path()));
        let locations = found.map_ok(|object| object.location).boxed();
        let deleted = self.backend.delete_stream(locations);
        let count = deleted
            .try_fold(0, |count, _| async move { Ok(count + 1) })
            .await?;
        Ok(count)
    }

    /// The backend, for operations that this type does not offer. Its requests are counted too.
    pub fn backend(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.backend.clone())
    }

    async fn get(&self, key: &ObjectKey, head: bool) -> Result<Option<GetResult>> {
        let options = GetOptions {
            head,
            ..GetOptions::default()
        };
        match self.backend.get_opts(key.path(), options).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<()> {
        Ok(self.backend.delete(key.path()).await?)
    }

    fn attributes(&self, body: &Spool, meta: &ObjectMeta) -> Attributes {
        if !self.keeps_attributes.load(Ordering::Relaxed) {
            return Attributes::new();
        }
        let member = |name: &'static str| Attribute::Metadata(name.into());
        Attributes::from_iter([
            (Attribute::ContentType, meta.content_type.clone()),
            (member(META_SHA256), body.sha256().to_string()),
            (member(META_GENERATION), meta.generation.to_string()),
            (member(META_SCHEMA_VERSION), meta.schema_version.to_string()),
        ])
    }
}

async fn hash_of(object: GetResult) -> Result<Hasher> {
    let mut hasher = Hasher::new();
    let mut stream = object.into_stream();
    while let Some(piece) = stream.try_next().await? {
        hasher.update(&piece);
    }
    Ok(hasher)
}

/// A metadata value; `None` if it is missing or does not parse.
fn metadata_value<T: std::str::FromStr>(attributes: &Attributes, name: &'static str) -> Option<T> {
    let value = attributes.get(&Attribute::Metadata(name.into()))?;
    value.as_ref().parse().ok()
}

fn recorded_hash(attributes: &Attributes) -> Option<ContentHash> {
    metadata_value(attributes, META_SHA256)
}
