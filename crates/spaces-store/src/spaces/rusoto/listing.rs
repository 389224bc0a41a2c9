//! Lists the objects of a bucket page by page and deletes them in batches.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::DateTime;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta};
use rusoto_s3::{
    Delete, DeleteObjectRequest, DeleteObjectsRequest, ListObjectsV2Output, ListObjectsV2Request,
    ObjectIdentifier, S3,
};

use super::operation::{BucketClient, Operation};
use crate::error::{BoxError, Error, Result};

/// The options of a listing, besides its prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct ListOptions {
    pub(super) start_after: Option<String>,
    pub(super) delimiter: Option<String>,
}

pub(super) fn pages(
    client: Arc<BucketClient>,
    prefix: Option<&Path>,
    options: ListOptions,
) -> BoxStream<'static, Result<ListObjectsV2Output>> {
    let prefix = prefix
        .map(|prefix| format!("{prefix}/"))
        .filter(|prefix| prefix != "/");
    let first = Some(None);
    stream::try_unfold(first, move |token| {
        let (client, prefix, options) = (Arc::clone(&client), prefix.clone(), options.clone());
        async move {
            let Some(token) = token else {
                return Ok(None);
            };
            let request = ListObjectsV2Request {
                bucket: client.bucket.clone(),
                continuation_token: token,
                prefix,
                start_after: options.start_after,
                delimiter: options.delimiter,
                ..ListObjectsV2Request::default()
            };
            let operation = Operation::new(&client, "ListObjectsV2", None);
            let s3 = operation.s3();
            let page = operation.run(s3.list_objects_v2(request)).await?;
            let next = match (page.is_truncated, &page.next_continuation_token) {
                (Some(true), None) => {
                    return Err(unexpected_response(
                        "a truncated page without a continuation token".into(),
                    ));
                }
                (Some(true), Some(token)) => Some(Some(token.clone())),
                _ => None,
            };
            Ok(Some((page, next)))
        }
    })
    .boxed()
}

pub(super) fn objects(page: ListObjectsV2Output) -> Vec<object_store::Result<ObjectMeta>> {
    let objects = page.contents.unwrap_or_default().into_iter();
    objects.map(object).collect()
}

fn object(entry: rusoto_s3::Object) -> object_store::Result<ObjectMeta> {
    let location = Path::parse(entry.key.unwrap_or_default())?;
    let date = entry.last_modified.unwrap_or_default();
    let date =
        DateTime::parse_from_rfc3339(&date).map_err(|error| unexpected_response(Box::new(error)));
    let size = entry.size.and_then(|size| u64::try_from(size).ok());
    Ok(ObjectMeta {
        location,
        last_modified: date.map_err(Error::into_object_store)?.to_utc(),
        size: size.ok_or_else(|| {
            unexpected_response("an object without a size".into()).into_object_store()
        })?,
        e_tag: entry.e_tag,
        version: None,
    })
}

pub(super) async fn with_delimiter(
    client: Arc<BucketClient>,
    prefix: Option<&Path>,
) -> object_store::Result<ListResult> {
    let options = ListOptions {
        delimiter: Some("/".to_owned()),
        ..ListOptions::default()
    };
    let mut result = ListResult {
        common_prefixes: Vec::new(),
        objects: Vec::new(),
        extensions: object_store::Extensions::default(),
    };
    let mut pages = pages(client, prefix, options).map_err(Error::into_object_store);
    while let Some(mut page) = pages.try_next().await? {
        for folder in page.common_prefixes.take().unwrap_or_default() {
            let folder = Path::parse(folder.prefix.unwrap_or_default())?;
            result.common_prefixes.push(folder);
        }
        for object in objects(page) {
            result.objects.push(object?);
        }
    }
    Ok(result)
}

/// S3's limit of keys in one `DeleteObjects` request.
const MAX_KEYS_PER_DELETE: usize = 1000;

/// Deletes in batches; results are in the order of `locations`. A missing object counts as deleted.
pub(super) fn delete(
    client: Arc<BucketClient>,
    locations: BoxStream<'static, object_store::Result<Path>>,
) -> BoxStream<'static, object_store::Result<Path>> {
    locations
        .chunks(MAX_KEYS_PER_DELETE)
        .then(move |batch| delete_batch(Arc::clone(&client), batch))
        .flat_map(stream::iter)
        .boxed()
}

async fn delete_batch(
    client: Arc<BucketClient>,
    batch: Vec<object_store::Result<Path>>,
) -> Vec<object_store::Result<Path>> {
    let keys: Vec<_> = batch.iter().flatten().map(Path::to_string).collect();
    let rejected = match keys.as_slice() {
        [] => Ok(HashMap::new()),
        [key] => delete_one(&client, key).await.map(|()| HashMap::new()),
        _ => delete_many(&client, keys).await,
    };
    let to_result = |location: Path| match &rejected {
        Ok(rejected) => match rejected.get(location.as_ref()) {
            None => Ok(location),
            Some(code) => Err(Error::Rejected {
                status: 200,
                code: code.clone(),
            }
            .into_object_store()),
        },
        Err(error) => Err(batch_error(error).into_object_store()),
    };
    batch
        .into_iter()
        .map(|location| location.and_then(to_result))
        .collect()
}

async fn delete_one(client: &Arc<BucketClient>, key: &str) -> Result<()> {
    let request = DeleteObjectRequest {
        bucket: client.bucket.clone(),
        key: key.to_owned(),
        ..DeleteObjectRequest::default()
    };
    let operation = Operation::new(client, "DeleteObject", Some(key));
    let s3 = operation.s3();
    match operation.run(s3.delete_object(request)).await {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes `keys`; returns those that could not be deleted, with S3's error code.
async fn delete_many(
    client: &Arc<BucketClient>,
    keys: Vec<String>,
) -> Result<HashMap<String, String>> {
    let objects = keys.into_iter().map(|key| ObjectIdentifier {
        key,
        version_id: None,
    });
    let request = DeleteObjectsRequest {
        bucket: client.bucket.clone(),
        delete: Delete {
            objects: objects.collect(),
            quiet: Some(true),
        },
        ..DeleteObjectsRequest::default()
    };
    let operation = Operation::new(client, "DeleteObjects", None);
    let s3 = operation.s3();
    let output = operation.run(s3.delete_objects(request)).await?;
    let errors = output.errors.unwrap_or_default().into_iter();
    let errors = errors.filter(|error| error.code.as_deref() != Some("NoSuchKey"));
    let codes_by_key = errors.map(|error| {
        (
            error.key.unwrap_or_default(),
            error.code.unwrap_or_default(),
        )
    });
    Ok(codes_by_key.collect())
}

/// A copy of a batch's error, for each of its locations.
fn batch_error(error: &Error) -> Error {
    match error {
        Error::AccessDenied { code } => Error::AccessDenied { code: code.clone() },
        Error::WrongCredentials { code } => Error::WrongCredentials { code: code.clone() },
        Error::ClockSkewed { store_ahead } => Error::ClockSkewed {
            store_ahead: *store_ahead,
        },
        Error::NoSuchBucket { bucket } => Error::NoSuchBucket {
            bucket: bucket.clone(),
        },
        Error::Throttled { retry_after } => Error::Throttled {
            retry_after: *retry_after,
        },
        Error::Unavailable { status } => Error::Unavailable { status: *status },
        Error::Transport { kind, source } => Error::Transport {
            kind: *kind,
            source: source.to_string().into(),
        },
        other => Error::Backend(other.to_string().into()),
    }
}

fn unexpected_response(problem: BoxError) -> Error {
    Error::UnexpectedResponse {
        operation: "ListObjectsV2",
        source: problem,
    }
}
