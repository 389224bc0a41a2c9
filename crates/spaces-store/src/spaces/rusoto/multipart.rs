//! Uploads an object in parts (S3 multipart upload).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{Attribute, MultipartUpload, PutPayload, PutResult, UploadPart};
use rusoto_s3::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CompletedMultipartUpload,
    CompletedPart, CreateMultipartUploadRequest, S3, UploadPartRequest,
};

use super::digests::Digests;
use super::head::head;
use super::operation::{BucketClient, Operation};
use crate::error::{Error, Result};
use crate::store::META_SHA256;

/// S3's limit of parts in one upload.
const MAX_PARTS: usize = 10_000;

#[derive(Debug)]
pub(super) struct SpacesUpload {
    client: Arc<BucketClient>,
    location: Path,
    upload_id: String,
    /// Number of parts started, completed or not.
    started_parts: usize,
    completed_parts: Arc<Mutex<Vec<CompletedPart>>>,
    bytes: u64,
    /// The object's SHA-256, if it is part of its metadata.
    sha256: Option<String>,
}

impl SpacesUpload {
    pub(super) async fn start(
        client: Arc<BucketClient>,
        location: &Path,
        headers: Vec<(String, String)>,
    ) -> Result<Self> {
        let request = CreateMultipartUploadRequest {
            bucket: client.bucket.clone(),
            key: location.to_string(),
            acl: Some("private".to_owned()),
            ..CreateMultipartUploadRequest::default()
        };
        let hash_header = format!("x-amz-meta-{META_SHA256}");
        let sha256 = headers.iter().find(|(name, _)| *name == hash_header);
        let sha256 = sha256.map(|(_, hash)| hash.clone());
        let operation = Operation::new(&client, "CreateMultipartUpload", Some(location.as_ref()))
            .with_headers(headers);
        let s3 = operation.s3();
        let started = operation.run(s3.create_multipart_upload(request)).await?;
        let upload_id = started.upload_id.filter(|id| !id.is_empty());
        Ok(Self {
            upload_id: upload_id.ok_or_else(|| unexpected_response("no upload id"))?,
            client,
            location: location.clone(),
            started_parts: 0,
            completed_parts: Arc::default(),
            bytes: 0,
            sha256,
        })
    }

    fn operation(&self, name: &'static str) -> Operation {
        Operation::new(&self.client, name, Some(self.location.as_ref()))
    }

    async fn finish(&mut self) -> Result<PutResult> {
        if self.started_parts == 0 {
            // S3 rejects the completion of an upload without parts.
            self.put_part(PutPayload::new()).await?;
        }
        let mut parts = {
            let completed_parts = self
                .completed_parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            completed_parts.clone()
        };
        if parts.len() != self.started_parts {
            return Err(Error::Integrity {
                key: self.location.to_string(),
                what: "not all parts were uploaded",
            });
        }
        parts.sort_by_key(|part| part.part_number);
        let request = CompleteMultipartUploadRequest {
            bucket: self.client.bucket.clone(),
            key: self.location.to_string(),
            upload_id: self.upload_id.clone(),
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
            ..CompleteMultipartUploadRequest::default()
        };
        let operation = self.operation("CompleteMultipartUpload");
        let s3 = operation.s3();
        match operation.run(s3.complete_multipart_upload(request)).await {
            Ok(done) => match done.e_tag.filter(|tag| !tag.is_empty()) {
                Some(tag) => Ok(put_result(Some(tag), done.version_id)),
                // Ceph 16 returns an empty ETag.
                None => self.head_completed().await,
            },
            Err(error) if operation.had_ambiguous_attempt() => {
                self.find_completed().await.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The completed object, if an earlier attempt completed this upload.
    ///
    /// When the response to a completion is lost, the retry fails because the upload no longer exists (the error code
    /// differs between stores). The object's recorded hash, if it has one, shows whether that happened.
    async fn find_completed(&self) -> Option<PutResult> {
        let ours = self.sha256.as_ref()?;
        let (meta, attributes) = head(&self.client, &self.location, None).await.ok()?;
        let theirs = attributes.get(&Attribute::Metadata(META_SHA256.into()))?;
        let same = theirs.as_ref() == ours && meta.size == self.bytes;
        same.then(|| put_result(meta.e_tag, meta.version))
    }

    /// The completed object's ETag and version, after a check of its size.
    async fn head_completed(&self) -> Result<PutResult> {
        let (meta, _) = head(&self.client, &self.location, None).await?;
        if meta.size != self.bytes {
            return Err(Error::Integrity {
                key: self.location.to_string(),
                what: "the assembled object's size differs from the parts' sum",
            });
        }
        Ok(put_result(meta.e_tag, meta.version))
    }
}

fn put_result(e_tag: Option<String>, version: Option<String>) -> PutResult {
    PutResult {
        e_tag,
        version,
        extensions: object_store::Extensions::default(),
    }
}

/// Whether the upload no longer exists: it was already completed or aborted.
fn is_unknown_upload(error: &Error) -> bool {
    matches!(error, Error::Rejected { code, .. } if code == "NoSuchUpload")
}

#[async_trait]
impl MultipartUpload for SpacesUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.started_parts += 1;
        self.bytes += data.content_length() as u64;
        let number = self.started_parts;
        let completed_parts = Arc::clone(&self.completed_parts);
        let operation = self.operation("UploadPart");
        let request = UploadPartRequest {
            bucket: self.client.bucket.clone(),
            key: self.location.to_string(),
            upload_id: self.upload_id.clone(),
            ..UploadPartRequest::default()
        };
        Box::pin(async move {
            let part = send_part(operation, request, number, data)
                .await
                .map_err(Error::into_object_store)?;
            completed_parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(part);
            Ok(())
        })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.finish().await.map_err(Error::into_object_store)
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        let request = AbortMultipartUploadRequest {
            bucket: self.client.bucket.clone(),
            key: self.location.to_string(),
            upload_id: self.upload_id.clone(),
            ..AbortMultipartUploadRequest::default()
        };
        let operation = self.operation("AbortMultipartUpload");
        let s3 = operation.s3();
        match operation.run(s3.abort_multipart_upload(request)).await {
            Ok(_) => Ok(()),
            Err(error) if is_unknown_upload(&error) => Ok(()),
            Err(error) => Err(error.into_object_store()),
        }
    }
}

async fn send_part(
    operation: Operation,
    mut request: UploadPartRequest,
    number: usize,
    data: PutPayload,
) -> Result<CompletedPart> {
    if number > MAX_PARTS {
        return Err(Error::Unsupported("more than 10,000 parts".into()));
    }
    let part_number = i64::try_from(number).map_err(|_| unexpected_response("part number"))?;
    request.part_number = part_number;
    let digests = Digests::of(&data).await?;
    request.content_md5 = Some(digests.content_md5());
    let operation = operation.with_body(data, digests.sha256);
    let s3 = operation.s3();
    let sent = operation.run(s3.upload_part(request)).await?;
    let e_tag = sent.e_tag.filter(|tag| !tag.is_empty());
    Ok(CompletedPart {
        e_tag: Some(e_tag.ok_or_else(|| unexpected_response("a part without an ETag"))?),
        part_number: Some(part_number),
    })
}

fn unexpected_response(problem: &'static str) -> Error {
    Error::UnexpectedResponse {
        operation: "multipart upload",
        source: problem.into(),
    }
}
