//! Reads an object's metadata with HEAD.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{Attributes, GetOptions, ObjectMeta};
use rusoto_s3::{GetObjectRequest, HeadObjectRequest, S3};

use super::object::{ObjectHeaders, format_http_date};
use super::operation::{BucketClient, Operation};
use crate::error::{Error, Result};

/// HEAD of the object at `location`: its metadata and attributes.
pub(super) async fn head(
    client: &Arc<BucketClient>,
    location: &Path,
    options: Option<&GetOptions>,
) -> Result<(ObjectMeta, Attributes)> {
    let mut request = HeadObjectRequest {
        bucket: client.bucket.clone(),
        key: location.to_string(),
        ..HeadObjectRequest::default()
    };
    if let Some(options) = options {
        request.if_match.clone_from(&options.if_match);
        request.if_none_match.clone_from(&options.if_none_match);
        request.if_modified_since = options.if_modified_since.map(format_http_date);
        request.if_unmodified_since = options.if_unmodified_since.map(format_http_date);
        request.version_id.clone_from(&options.version);
    }
    let operation = Operation::new(client, "HeadObject", Some(location.as_ref()));
    let s3 = operation.s3();
    let output = match operation.run(s3.head_object(request)).await {
        Ok(output) => output,
        Err(error) => return Err(detailed_error(client, error, location).await),
    };
    let mut found = ObjectHeaders::from_head(output);
    let attributes = found.attributes();
    let size = found.size()?;
    Ok((found.meta(location, size)?, attributes))
}

/// The reason for a failed HEAD. A response to HEAD has no body, so if its status is ambiguous, this sends a
/// GET of one byte.
async fn detailed_error(client: &Arc<BucketClient>, error: Error, location: &Path) -> Error {
    let is_ambiguous = match &error {
        Error::AccessDenied { code } | Error::Rejected { code, .. } => code.is_empty(),
        Error::WrongEndpoint { .. } => true,
        _ => false,
    };
    if !is_ambiguous {
        return error;
    }
    let request = GetObjectRequest {
        bucket: client.bucket.clone(),
        key: location.to_string(),
        range: Some("bytes=0-0".to_owned()),
        ..GetObjectRequest::default()
    };
    let operation = Operation::new(client, "GetObject", Some(location.as_ref())).streamed();
    let s3 = operation.s3();
    match operation.run(s3.get_object(request)).await {
        Ok(_) => error,
        Err(clearer) => clearer,
    }
}
