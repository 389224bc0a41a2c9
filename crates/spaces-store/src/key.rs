//! Builds and checks object keys. The only module that does.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;

/// The key prefix of one shop, such as `example.myshopify.com`: a single path segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopPrefix(String);

/// A text that cannot be a shop prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is empty.
    #[error("a shop prefix cannot be empty")]
    Empty,
    /// It is longer than 255 bytes, the limit of file names.
    #[error("a shop prefix cannot be longer than 255 bytes")]
    TooLong,
    /// It contains a slash, a backslash or a control character.
    #[error("a shop prefix cannot contain slashes or control characters")]
    ForbiddenCharacter,
    /// It is `.` or contains `..`, which a file system or a URL would resolve.
    #[error("a shop prefix cannot be a relative path")]
    Relative,
}

impl ShopPrefix {
    /// A prefix from `text`.
    ///
    /// # Errors
    /// If `text` is not a single path segment.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > 255 {
            return Err(KeyError::TooLong);
        }
        if text.contains(|c: char| matches!(c, '/' | '\\') || c.is_control()) {
            return Err(KeyError::ForbiddenCharacter);
        }
        if text == "." || text.contains("..") {
            return Err(KeyError::Relative);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix as a path, for listing.
    pub(crate) fn to_path(&self) -> Path {
        parse_checked(&self.0)
    }
}

impl fmt::Display for ShopPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ShopPrefix {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

/// The key of an object in its bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Path);

impl ObjectKey {
    /// The full key.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    pub(crate) const fn path(&self) -> &Path {
        &self.0
    }

    /// The key of a [`probe`](crate::probe())'s temporary object.
    pub(crate) fn probe(unique: &str) -> Self {
        Self(parse_checked(&format!(".spaces-store-probe/{unique}")))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Keys of the published documents.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotKey;

impl SnapshotKey {
    /// The document of layout `single`: `{shop}/shopify_data.json`.
    pub fn single(shop: &ShopPrefix) -> ObjectKey {
        ObjectKey(parse_checked(&format!("{shop}/shopify_data.json")))
    }
}

/// `Path::parse` rejects empty, `.` and `..` segments and control characters; callers have already excluded those.
fn parse_checked(text: &str) -> Path {
    Path::parse(text).expect("a validated prefix and fixed names form a valid path")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_layout_key_is_shopify_data_json() {
        let shop = ShopPrefix::new("example.myshopify.com").unwrap();
        assert_eq!(
            SnapshotKey::single(&shop).as_str(),
            "example.myshopify.com/shopify_data.json"
        );
    }

    #[test]
    fn rejects_prefixes_that_could_leave_the_folder() {
        for (text, error) in [
            ("", KeyError::Empty),
            (".", KeyError::Relative),
            ("..", KeyError::Relative),
            ("a..b", KeyError::Relative),
            ("a/b", KeyError::ForbiddenCharacter),
            ("/", KeyError::ForbiddenCharacter),
            ("a\\b", KeyError::ForbiddenCharacter),
            ("a\nb", KeyError::ForbiddenCharacter),
            ("a\0", KeyError::ForbiddenCharacter),
        ] {
            assert_eq!(ShopPrefix::new(text), Err(error), "{text:?}");
        }
        assert_eq!(ShopPrefix::new("a".repeat(256)), Err(KeyError::TooLong));
        assert!(ShopPrefix::new("a".repeat(255)).is_ok());
    }

    proptest! {
        #[test]
        fn every_accepted_prefix_makes_a_key_of_two_segments(text in ".{0,300}") {
            if let Ok(shop) = ShopPrefix::new(text.clone()) {
                let key = SnapshotKey::single(&shop);
                prop_assert_eq!(key.as_str(), format!("{text}/shopify_data.json"));
                prop_assert_eq!(key.path().parts().count(), 2);
            }
        }
    }
}
