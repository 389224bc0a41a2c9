//! Writing an object: one PUT while it is small, parts with bounded memory when it is large.

use std::sync::atomic::Ordering;

use object_store::{
    GetOptions, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
};

use super::{ObjectMeta, Store};
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::snapshot::Spool;

/// Piece in which a file is read for a single PUT.
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
                // Parts that stay behind cost money, but the failure itself is what the caller has to see.
                if let Err(left) = upload.abort().await {
                    log::warn!(key:% = key; "an unfinished upload could not be aborted: {left}");
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

    /// Parts are checked one by one on arrival; their sum is checked here.
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
            what: "the assembled object has another size",
        })
    }

    /// The local folder of `object_store` answers `NotImplemented` to any attribute.
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
