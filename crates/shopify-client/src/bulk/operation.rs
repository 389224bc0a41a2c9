use std::fmt;

use serde::{Deserialize, Deserializer};
use url::Url;

use super::BulkError;
use crate::Gid;
use crate::model::scalar;

/// A bulk operation as Shopify last described it.
///
/// `partialDataUrl`, what a failed operation had written, is not among the fields: it is not the whole.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// `gid://shopify/BulkOperation/…`
    pub id: Gid,
    /// How far it is.
    pub status: BulkStatus,
    /// Why it failed: `ACCESS_DENIED`, `INTERNAL_SERVER_ERROR` or `TIMEOUT`.
    #[serde(default)]
    pub error_code: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    #[serde(default)]
    pub completed_at: Option<String>,
    /// Objects so far: the lines of the file when it has ended.
    #[serde(deserialize_with = "number")]
    pub object_count: u64,
    /// Objects of the outermost list so far.
    #[serde(deserialize_with = "number")]
    pub root_object_count: u64,
    /// In bytes; `None` without a file.
    #[serde(default, deserialize_with = "number_if_any")]
    pub file_size: Option<u64>,
    /// Where the file is, for seven days; `None` while it runs, and when there is nothing in it.
    #[serde(default)]
    pub url: Option<SignedUrl>,
    /// The text that runs, with our marker if it is ours.
    #[serde(default)]
    pub(super) query: String,
}

impl BulkOperation {
    /// Whether it has a result.
    ///
    /// # Errors
    /// How it ended otherwise. `Ok(false)`: it has not ended.
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

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum BulkStatus {
    /// It waits for its turn.
    Created,
    /// It runs.
    Running,
    /// It ends soon, without a result.
    Canceling,
    /// It was cancelled.
    Canceled,
    /// It has a result.
    Completed,
    /// It failed.
    Failed,
    /// Its result is gone.
    Expired,
    /// Another name: taken for one that has not ended.
    #[serde(untagged)]
    Other(String),
}

impl BulkStatus {
    /// Whether nothing more happens.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Canceled | Self::Failed | Self::Expired
        )
    }
}

/// The address of a result. Whoever knows it can read the result, so it is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SignedUrl(Url);

impl SignedUrl {
    /// The address itself, for another program to fetch from. Keep it out of logs.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for SignedUrl {
    type Error = url::ParseError;

    fn try_from(text: String) -> Result<Self, url::ParseError> {
        Url::parse(&text).map(Self)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(…)")
    }
}

/// `UnsignedInt64`
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
    fn numbers_are_exact_and_the_address_is_not_shown() {
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
