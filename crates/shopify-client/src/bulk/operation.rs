//! A bulk operation, its status and the URL of its result.

use std::fmt;

use serde::{Deserialize, Deserializer};
use url::Url;

use super::BulkError;
use crate::Gid;
use crate::model::scalar;

/// A bulk operation as Shopify last reported it.
///
/// `partialDataUrl`, the partial result of a failed operation, is left out on purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// `gid://shopify/BulkOperation/…`
    pub id: Gid,
    /// The status.
    pub status: BulkStatus,
    /// The reason of a failure: `ACCESS_DENIED`, `INTERNAL_SERVER_ERROR` or `TIMEOUT`.
    #[serde(default)]
    pub error_code: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// The number of objects so far; at the end, the number of lines in the file.
    #[serde(deserialize_with = "number")]
    pub object_count: u64,
    /// The number of objects of the outermost list so far.
    #[serde(deserialize_with = "number")]
    pub root_object_count: u64,
    /// The size of the file in bytes; `None` without a file.
    #[serde(default, deserialize_with = "number_if_any")]
    pub file_size: Option<u64>,
    /// The URL of the file, valid for seven days; `None` while the operation runs, and if the result is empty.
    #[serde(default)]
    pub url: Option<SignedUrl>,
    /// The query, with the marker if this program started it.
    #[serde(default)]
    pub(super) query: String,
}

impl BulkOperation {
    /// Whether the operation has completed; `false` if it has not ended.
    ///
    /// # Errors
    /// [`BulkError::Failed`], [`BulkError::Canceled`] or [`BulkError::Expired`] if it ended without a result.
    pub fn outcome(&self) -> Result<bool, BulkError> {
        let id = self.id.clone();
        match &self.status {
            BulkStatus::Completed => Ok(true),
            BulkStatus::Failed => {
                let code = self.error_code.clone();
                Err(BulkError::Failed { id, code })
            }
            BulkStatus::Canceled => Err(BulkError::Canceled { id }),
            BulkStatus::Expired => Err(BulkError::Expired { id }),
            _ => Ok(false),
        }
    }
}

/// The status of a bulk operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum BulkStatus {
    /// Waiting to start.
    Created,
    /// Running.
    Running,
    /// Being cancelled.
    Canceling,
    /// Cancelled.
    Canceled,
    /// Completed with a result.
    Completed,
    /// Failed.
    Failed,
    /// The result was deleted.
    Expired,
    /// An unknown status, treated as not ended.
    #[serde(untagged)]
    Other(String),
}

impl BulkStatus {
    /// Whether the operation has ended.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Canceled | Self::Failed | Self::Expired
        )
    }
}

/// The signed URL of a result. It grants access to the result, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(Url);

impl SignedUrl {
    /// The URL, for a download by other means. Keep it out of logs.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SignedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The parser's error is dropped, since it quotes the URL.
        let url = Url::parse(&text).map_err(|_| serde::de::Error::custom("not a URL"))?;
        Ok(Self(url))
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

/// Deserialises an `UnsignedInt64`, which is a string or a number.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = scalar::text(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn number_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Number(#[serde(deserialize_with = "number")] u64);
    Ok(Option::<Number>::deserialize(deserializer)?.map(|Number(number)| number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(status: &str) -> BulkOperation {
        serde_json::from_value(json!({
            "id": "gid://shopify/BulkOperation/7", "status": status, "errorCode": "TIMEOUT", "createdAt": "",
            "completedAt": null, "objectCount": "9007199254740993", "rootObjectCount": 3, "fileSize": "12",
            "url": "https://storage.googleapis.com/x?Signature=secret", "partialDataUrl": "https://x/part",
        }))
        .unwrap()
    }

    #[test]
    fn numbers_are_exact_and_debug_hides_the_url() {
        let read = operation("RUNNING");
        assert_eq!(
            (read.object_count, read.root_object_count, read.file_size),
            (9_007_199_254_740_993, 3, Some(12))
        );
        let shown = format!("{read:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("storage"),
            "{shown}"
        );
    }

    #[test]
    fn only_a_completed_operation_has_a_result() {
        for (status, terminal) in [
            ("CREATED", false),
            ("RUNNING", false),
            ("CANCELING", false),
            ("SOMETHING_NEW", false),
            ("COMPLETED", true),
            ("CANCELED", true),
            ("FAILED", true),
            ("EXPIRED", true),
        ] {
            let read = operation(status);
            assert_eq!(read.status.is_terminal(), terminal, "{status}");
            match read.outcome() {
                Ok(done) => assert_eq!(done, status == "COMPLETED"),
                Err(error) => assert!(terminal && status != "COMPLETED", "{error}"),
            }
        }
        let failed = operation("FAILED").outcome().unwrap_err();
        assert!(failed.to_string().ends_with("(TIMEOUT)"), "{failed}");
    }
}
