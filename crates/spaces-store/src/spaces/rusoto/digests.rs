//! Computes the digests that are sent with a body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use object_store::PutPayload;

use crate::digest::{ContentHash, Hasher};
use crate::error::{Error, Result};

/// The digests that are sent with a body.
pub(super) struct Digests {
    pub(super) sha256: ContentHash,
    pub(super) md5: [u8; 16],
}

/// Bodies larger than this many bytes are hashed on a blocking thread.
const HASH_INLINE: usize = 128 << 10;

impl Digests {
    pub(super) async fn of(body: &PutPayload) -> Result<Self> {
        if body.content_length() <= HASH_INLINE {
            return Ok(Self::compute(body));
        }
        let body = body.clone();
        let hashing = tokio::task::spawn_blocking(move || Self::compute(&body));
        hashing
            .await
            .map_err(|error| Error::Backend(Box::new(error)))
    }

    fn compute(body: &PutPayload) -> Self {
        let mut md5 = Md5::new();
        body.iter().for_each(|piece| md5.update(piece));
        Self {
            sha256: hash_of(body),
            md5: md5.finalize().into(),
        }
    }

    pub(super) fn content_md5(&self) -> String {
        STANDARD.encode(self.md5)
    }
}

pub(super) fn hash_of(body: &PutPayload) -> ContentHash {
    let mut hasher = Hasher::new();
    body.iter().for_each(|piece| hasher.update(piece));
    hasher.finish()
}
