//! Uploads an object: by one PUT up to a size, above that in parts with bounded memory.

use std::sync::atomic::Ordering;

use object_store::{
    GetOptions, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
};

use super::{ObjectMeta, Store};
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::snapshot::Spool;

/// Bytes read from a file at a time for a single PUT.
const READ_SIZE: usize = 1 << 20;

impl Store {
    pub(super) async fn upload(
        &self,
        key: &ObjectKey,
        body: &Spool,
        meta: &ObjectMeta,
    ) -> Result<Option<String>> {
        if body.len() > self.upload.multipart_threshold {
            self.upload_parts(key, body, meta).await
        } else {
            self.upload_whole(key, body, meta).await
        }
    }

    async fn upload_whole(
        &self,
        key: &ObjectKey,
        body: &Spool,
        meta: &ObjectMeta,
    ) -> Result<Option<String>> {
        let payload = payload(body).await?;
        loop {
            let attributes = self.attributes(body, meta);
            let plain = attributes.is_empty();
            let options = PutOptions::from(attributes);
            let put = self.backend.put_opts(key.path(), payload.clone(), options);
            match put.await {
                Ok(done) => return Ok(done.e_tag),
                Err(error) if !plain && self.attributes_unsupported(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn upload_parts(
        &self,
        key: &ObjectKey,
        body: &Spool,
        meta: &ObjectMeta,
    ) -> Result<Option<String>> {
        let mut upload = loop {
            let attributes = self.attributes(body, meta);
            let plain = attributes.is_empty();
            let options = PutMultipartOptions::from(attributes);
            match self.backend.put_multipart_opts(key.path(), options).await {
                Ok(upload) => break upload,
                Err(error) if !plain && self.attributes_unsupported(&error) => {}
                Err(error) => return Err(error.into()),
            }
        };
        match self.send_parts(upload.as_mut(), body).await {
            Ok(e_tag) => self.check_size(key, body).await.map(|()| e_tag),
            Err(error) => {
                // Parts that are not removed cost money, but the caller needs the original error.
                if let Err(abort_error) = upload.abort().await {
                    log::warn!(
                        key:% = key;
                        "Could not abort an incomplete multipart upload: {abort_error}; its parts remain in the bucket"
                    );
                }
                Err(error)
            }
        }
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        body: &Spool,
    ) -> Result<Option<String>> {
        let mut offset = 0;
        while offset < body.len() {
            let part = body
                .read(offset, self.upload.part_size)
                .await
                .map_err(Error::Spool)?;
            offset += part.len() as u64;
            upload.put_part(part.into()).await?;
        }
        Ok(upload.complete().await?.e_tag)
    }

    /// Checks the assembled object's size. The store has checked each part.
    async fn check_size(&self, key: &ObjectKey, body: &Spool) -> Result<()> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let stored = self.backend.get_opts(key.path(), options).await?;
        if stored.meta.size == body.len() {
            return Ok(());
        }
        Err(Error::Integrity {
            key: key.to_string(),
            what: "the assembled object's size differs from the document's",
        })
    }

    /// Whether `error` means that the backend rejects attributes. `object_store`'s local folder returns `NotImplemented`.
    fn attributes_unsupported(&self, error: &object_store::Error) -> bool {
        let unsupported = matches!(error, object_store::Error::NotImplemented { .. });
        if unsupported {
            self.keeps_attributes.store(false, Ordering::Relaxed);
        }
        unsupported
    }
}

async fn payload(body: &Spool) -> Result<PutPayload> {
    if body.is_in_memory() {
        let all = body.read(0, usize::MAX).await.map_err(Error::Spool)?;
        return Ok(all.into());
    }
    let mut pieces = Vec::new();
    let mut offset = 0;
    while offset < body.len() {
        let piece = body.read(offset, READ_SIZE).await.map_err(Error::Spool)?;
        offset += piece.len() as u64;
        pieces.push(piece);
    }
    Ok(pieces.into_iter().collect())
}
