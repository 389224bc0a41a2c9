//! Implements [`SpacesBackend`], the `object_store::ObjectStore` of a Space.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, TagSet,
};
use rusoto_core::Region;
use rusoto_s3::{CopyObjectRequest, CreateBucketRequest, GetObjectRequest, PutObjectRequest, S3};
use secrecy::ExposeSecret;

use super::digests::Digests;
use super::head::head;
use super::listing::{self, ListOptions};
use super::multipart::SpacesUpload;
use super::object::{
    ObjectHeaders, attribute_headers, format_http_date, parse_content_range, range_header,
    unexpected_response,
};
use super::operation::{BucketClient, Operation};
use super::signer::Signer;
use crate::config::SpacesConfig;
use crate::error::{Error, Result, TransportKind};
use crate::spaces::http;
use crate::store::META_SHA256;

/// A bucket of DigitalOcean Spaces, Ceph, AWS or another S3-compatible store, accessed with `rusoto_s3` over `reqwest`.
///
/// Every PUT has a private ACL, a Content-MD5 header and a signature over the SHA-256 of its body, so that the store
/// rejects bytes that changed in transit. Errors are [`object_store::Error`]s with a [`crate::Error`] as their source.
#[derive(Clone)]
pub struct SpacesBackend {
    client: Arc<BucketClient>,
}

impl SpacesBackend {
    /// Creates the client, without using the network.
    ///
    /// # Errors
    /// If the settings are invalid.
    pub fn new(config: &SpacesConfig) -> Result<Self> {
        config.validate()?;
        let endpoint = config.service_endpoint();
        let host = endpoint.host_str().unwrap_or_default();
        let authority = match endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let virtual_host = config.is_virtual_host();
        let client = BucketClient {
            http: http::client(config)?,
            region: Region::Custom {
                name: config.region.clone(),
                endpoint: format!("{}://{authority}", endpoint.scheme()),
            },
            virtual_host: virtual_host.then(|| format!("{}.{authority}", config.bucket)),
            bucket: config.bucket.clone(),
            signer: Signer {
                access_key: config.access_key.expose_secret().to_owned(),
                secret_key: config.secret_key.expose_secret().to_owned(),
                region: config.region.clone(),
            },
            clock: config.clock.clone(),
            timeouts: config.timeouts,
            retry: config.retry,
        };
        Ok(Self {
            client: Arc::new(client),
        })
    }

    /// Creates the bucket, private and in the endpoint's region. Succeeds if it already exists and has the same owner.
    ///
    /// # Errors
    /// If the bucket cannot be created.
    pub async fn create_bucket(&self) -> Result<()> {
        let request = CreateBucketRequest {
            bucket: self.bucket(),
            acl: Some("private".to_owned()),
            ..CreateBucketRequest::default()
        };
        let operation = Operation::new(&self.client, "CreateBucket", None);
        let s3 = operation.s3();
        match operation.run(s3.create_bucket(request)).await {
            Ok(_) => Ok(()),
            Err(Error::Rejected { code, .. }) if code == "BucketAlreadyOwnedByYou" => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn bucket(&self) -> String {
        self.client.bucket.clone()
    }

    fn operation(&self, name: &'static str, location: &Path) -> Operation {
        Operation::new(&self.client, name, Some(location.as_ref()))
    }

    async fn get(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let range = options.range.as_ref().map(range_header).transpose()?;
        let request = GetObjectRequest {
            bucket: self.bucket(),
            key: location.to_string(),
            if_match: options.if_match,
            if_none_match: options.if_none_match,
            if_modified_since: options.if_modified_since.map(format_http_date),
            if_unmodified_since: options.if_unmodified_since.map(format_http_date),
            version_id: options.version,
            range,
            ..GetObjectRequest::default()
        };
        let ranged = request.range.is_some();
        let operation = self.operation("GetObject", location).streamed();
        let s3 = operation.s3();
        let mut output = operation.run(s3.get_object(request)).await?;
        let mut found = ObjectHeaders::from_get(&mut output);
        let attributes = found.attributes();
        let (range, size) = match (ranged, output.content_range.as_deref()) {
            (true, Some(text)) => parse_content_range(text)
                .ok_or_else(|| unexpected_response("no usable Content-Range"))?,
            (true, None) => {
                return Err(unexpected_response(
                    "the response has the whole object instead of a range",
                ));
            }
            (false, _) => {
                let size = found.size()?;
                (0..size, size)
            }
        };
        let body = output.body.ok_or_else(|| unexpected_response("no body"))?;
        Ok(GetResult {
            payload: GetResultPayload::Stream(body.map_err(body_error).boxed()),
            meta: found.meta(location, size)?,
            range,
            attributes,
            extensions: object_store::Extensions::default(),
        })
    }

    async fn put(
        &self,
        location: &Path,
        body: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let digests = Digests::of(&body).await?;
        let mut headers = attribute_headers(&options.attributes)?;
        headers.extend(tag_header(&options.tags));
        let conditional = match options.mode {
            PutMode::Overwrite => false,
            PutMode::Create => {
                headers.push(("if-none-match".to_owned(), "*".to_owned()));
                true
            }
            PutMode::Update(expected) => {
                let tag = expected
                    .e_tag
                    .ok_or_else(|| Error::Unsupported("an update without an ETag".into()))?;
                // Ceph and Spaces accept an ETag in If-Match only without quotes; AWS accepts both.
                headers.push(("if-match".to_owned(), tag.trim_matches('"').to_owned()));
                true
            }
        };
        let request = PutObjectRequest {
            bucket: self.bucket(),
            key: location.to_string(),
            acl: Some("private".to_owned()),
            content_md5: Some(digests.content_md5()),
            ..PutObjectRequest::default()
        };
        let operation = self
            .operation("PutObject", location)
            .with_headers(headers)
            .with_body(body, digests.sha256);
        let s3 = operation.s3();
        match operation.run(s3.put_object(request)).await {
            Ok(output) => Ok(PutResult {
                e_tag: output.e_tag,
                version: output.version_id,
                extensions: object_store::Extensions::default(),
            }),
            Err(error) if conditional => {
                let failed = precondition_error(error, location)?;
                let ours = operation.had_ambiguous_attempt();
                let ours =
                    ours.then(|| self.find_own_write(location, &options.attributes, &digests));
                match ours {
                    Some(own_write) => own_write.await?.ok_or(failed),
                    None => Err(failed),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The stored object, if an earlier attempt of this PUT wrote it.
    ///
    /// When the response to a conditional PUT is lost, the retry fails the condition because of the first attempt. The
    /// object's recorded hash or its ETag shows whether that happened.
    async fn find_own_write(
        &self,
        location: &Path,
        attributes: &Attributes,
        digests: &Digests,
    ) -> Result<Option<PutResult>> {
        let (meta, stored) = match head(&self.client, location, None).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let hash = Attribute::Metadata(META_SHA256.into());
        let same = match attributes.get(&hash) {
            Some(ours) => stored.get(&hash) == Some(ours),
            // The ETag of an object that was uploaded by one PUT is its MD5.
            None => {
                meta.e_tag.as_deref().map(|tag| tag.trim_matches('"'))
                    == Some(&hex::encode(digests.md5))
            }
        };
        Ok(same.then(|| PutResult {
            e_tag: meta.e_tag,
            version: meta.version,
            extensions: object_store::Extensions::default(),
        }))
    }

    async fn copy(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        if options.mode != CopyMode::Overwrite {
            return Err(Error::Unsupported("S3 has no conditional copy".into()));
        }
        let source = format!("/{}/{from}", self.client.bucket);
        let request = CopyObjectRequest {
            bucket: self.bucket(),
            key: to.to_string(),
            acl: Some("private".to_owned()),
            copy_source: rusoto_core::signature::encode_uri_path(&source),
            ..CopyObjectRequest::default()
        };
        let operation = self.operation("CopyObject", from);
        let s3 = operation.s3();
        operation.run(s3.copy_object(request)).await.map(drop)
    }
}

/// The precondition error of a conditional PUT, or `Err(error)` if it failed otherwise. Ceph returns 404 if the object
/// to replace does not exist.
fn precondition_error(error: Error, location: &Path) -> Result<Error> {
    match error {
        Error::PreconditionFailed { .. } | Error::NotFound { .. } => {
            Ok(Error::PreconditionFailed {
                key: location.to_string(),
            })
        }
        other => Err(other),
    }
}

fn tag_header(tags: &TagSet) -> Option<(String, String)> {
    let tags = tags.encoded();
    (!tags.is_empty()).then(|| ("x-amz-tagging".to_owned(), tags.to_owned()))
}

fn body_error(error: std::io::Error) -> object_store::Error {
    let kind = match error.kind() {
        std::io::ErrorKind::TimedOut => TransportKind::Timeout,
        _ => TransportKind::Broken,
    };
    let source = Box::new(error);
    Error::Transport { kind, source }.into_object_store()
}

impl fmt::Debug for SpacesBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpacesBackend")
            .field("bucket", &self.client.bucket)
            .field("region", &self.client.region)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SpacesBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spaces({})", self.client.bucket)
    }
}

#[async_trait]
impl ObjectStore for SpacesBackend {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let is_create = options.mode == PutMode::Create;
        let put = self.put(location, payload, options).await;
        put.map_err(|error| match error {
            Error::PreconditionFailed { key } if is_create => object_store::Error::AlreadyExists {
                path: key.clone(),
                source: Box::new(Error::PreconditionFailed { key }),
            },
            error => error.into_object_store(),
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        let start = async {
            let mut headers = attribute_headers(&options.attributes)?;
            headers.extend(tag_header(&options.tags));
            SpacesUpload::start(Arc::clone(&self.client), location, headers).await
        };
        match start.await {
            Ok(upload) => Ok(Box::new(upload)),
            Err(error) => Err(error.into_object_store()),
        }
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        if !options.head {
            let got = self.get(location, options).await;
            return got.map_err(Error::into_object_store);
        }
        let head = head(&self.client, location, Some(&options)).await;
        let (meta, attributes) = head.map_err(Error::into_object_store)?;
        Ok(GetResult {
            payload: GetResultPayload::Stream(futures::stream::empty().boxed()),
            range: 0..meta.size,
            meta,
            attributes,
            extensions: object_store::Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        listing::delete(Arc::clone(&self.client), locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.list_pages(prefix, ListOptions::default())
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let start_after = Some(offset.to_string()).filter(|offset| !offset.is_empty());
        let options = ListOptions {
            start_after,
            ..ListOptions::default()
        };
        self.list_pages(prefix, options)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        listing::with_delimiter(Arc::clone(&self.client), prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        let copied = self.copy(from, to, options).await;
        copied.map_err(Error::into_object_store)
    }
}

impl SpacesBackend {
    fn list_pages(
        &self,
        prefix: Option<&Path>,
        options: ListOptions,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        listing::pages(Arc::clone(&self.client), prefix, options)
            .map_err(Error::into_object_store)
            .map_ok(|page| futures::stream::iter(listing::objects(page)))
            .try_flatten()
            .boxed()
    }
}
