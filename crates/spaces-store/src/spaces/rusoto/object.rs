//! Converts an object's metadata to request headers and from response headers.

use std::collections::HashMap;

use object_store::path::Path;
use object_store::{Attribute, Attributes, GetRange, ObjectMeta};
use rusoto_s3::{GetObjectOutput, HeadObjectOutput};

use crate::error::{Error, Result};
use crate::spaces::response::parse_http_date;

/// The headers that responses to HEAD and GET have in common.
pub(super) struct ObjectHeaders {
    pub(super) content_length: Option<i64>,
    pub(super) e_tag: Option<String>,
    pub(super) version: Option<String>,
    last_modified: Option<String>,
    plain: [(Attribute, Option<String>); 5],
    metadata: Option<HashMap<String, String>>,
}

/// Builds [`ObjectHeaders`] from either of rusoto's output types, which have the same fields but no common trait.
macro_rules! object_headers {
    ($output:ident) => {
        ObjectHeaders {
            content_length: $output.content_length,
            e_tag: $output.e_tag.take(),
            version: $output.version_id.take(),
            last_modified: $output.last_modified.take(),
            plain: [
                (Attribute::CacheControl, $output.cache_control.take()),
                (
                    Attribute::ContentDisposition,
                    $output.content_disposition.take(),
                ),
                (Attribute::ContentEncoding, $output.content_encoding.take()),
                (Attribute::ContentLanguage, $output.content_language.take()),
                (Attribute::ContentType, $output.content_type.take()),
            ],
            metadata: $output.metadata.take(),
        }
    };
}

impl ObjectHeaders {
    pub(super) fn from_head(mut output: HeadObjectOutput) -> Self {
        object_headers!(output)
    }

    pub(super) fn from_get(output: &mut GetObjectOutput) -> Self {
        object_headers!(output)
    }

    pub(super) fn attributes(&mut self) -> Attributes {
        let plain = self.plain.iter_mut();
        let plain = plain.filter_map(|(name, value)| Some((name.clone(), value.take()?)));
        let metadata = self.metadata.take().unwrap_or_default().into_iter();
        let metadata = metadata.map(|(name, value)| (Attribute::Metadata(name.into()), value));
        plain.chain(metadata).collect()
    }

    pub(super) fn meta(self, location: &Path, size: u64) -> Result<ObjectMeta> {
        let date = self.last_modified.as_deref().and_then(parse_http_date);
        Ok(ObjectMeta {
            location: location.clone(),
            last_modified: date.ok_or_else(|| unexpected_response("no usable Last-Modified"))?,
            size,
            e_tag: self.e_tag,
            version: self.version,
        })
    }

    pub(super) fn size(&self) -> Result<u64> {
        let length = self
            .content_length
            .and_then(|length| u64::try_from(length).ok());
        length.ok_or_else(|| unexpected_response("no usable Content-Length"))
    }
}

pub(super) fn unexpected_response(problem: &'static str) -> Error {
    Error::UnexpectedResponse {
        operation: "GetObject",
        source: problem.into(),
    }
}

pub(super) fn format_http_date(date: chrono::DateTime<chrono::Utc>) -> String {
    date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub(super) fn attribute_headers(attributes: &Attributes) -> Result<Vec<(String, String)>> {
    let headers = attributes.iter().map(|(name, value)| {
        let name = match name {
            Attribute::CacheControl => "cache-control".to_owned(),
            Attribute::ContentDisposition => "content-disposition".to_owned(),
            Attribute::ContentEncoding => "content-encoding".to_owned(),
            Attribute::ContentLanguage => "content-language".to_owned(),
            Attribute::ContentType => "content-type".to_owned(),
            Attribute::StorageClass => "x-amz-storage-class".to_owned(),
            Attribute::Metadata(name) => format!("x-amz-meta-{name}"),
            _ => return Err(Error::Unsupported("an unknown attribute".into())),
        };
        Ok((name, value.as_ref().to_owned()))
    });
    headers.collect()
}

pub(super) fn range_header(range: &GetRange) -> Result<String> {
    match range {
        GetRange::Bounded(range) if range.start < range.end => {
            Ok(format!("bytes={}-{}", range.start, range.end - 1))
        }
        GetRange::Bounded(_) => Err(Error::Unsupported("an empty range".into())),
        GetRange::Offset(start) => Ok(format!("bytes={start}-")),
        GetRange::Suffix(length) => Ok(format!("bytes=-{length}")),
    }
}

/// Parses a Content-Range such as `bytes 2-5/14`: the range of bytes and the object's size.
pub(super) fn parse_content_range(text: &str) -> Option<(std::ops::Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size = size.parse().ok()?;
    (first <= last && last < size).then_some((first..last + 1, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_ranges() {
        assert_eq!(parse_content_range("bytes 2-5/14"), Some((2..6, 14)));
        for bad in [
            "",
            "bytes 2-5",
            "bytes 5-2/14",
            "bytes 2-14/14",
            "bytes */14",
            "items 2-5/14",
            "bytes -1-5/14",
        ] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn writes_ranges() {
        assert_eq!(range_header(&GetRange::Bounded(2..6)).unwrap(), "bytes=2-5");
        assert_eq!(range_header(&GetRange::Offset(3)).unwrap(), "bytes=3-");
        assert_eq!(range_header(&GetRange::Suffix(2)).unwrap(), "bytes=-2");
        assert!(range_header(&GetRange::Bounded(2..2)).is_err());
    }
}
