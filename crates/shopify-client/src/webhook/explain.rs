//! Explains why a delivery was rejected: wrong secret, changed body, wrong encoding.

use std::fmt;

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::hmac;

use super::verify::{Key, SIGNATURE, Verifier, decode_signature, is_object};

mod json;

/// The maximum body size in bytes for which changed forms are tried; the time grows with the size, for each known
/// secret.
const MAX_EXPLAINED_BODY: usize = 4 << 20;

/// Why a delivery was rejected, as far as it can be determined. Its `Display` text says what to do.
///
/// For the operator's log or command line, not for the response. It contains key ids, but no secrets, signatures or
/// bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Explanation {
    /// The signature is valid.
    Valid {
        /// The key id.
        key_id: String,
    },
    /// The signature header is missing.
    MissingSignature,
    /// The signature is valid, but the body is not a JSON object: it may be another text that the app's secret signs.
    NotADelivery {
        /// The key id.
        key_id: String,
    },
    /// The configured secret has white space or quotation marks around it.
    UntrimmedSecret {
        /// The key id of the secret to correct.
        key_id: String,
    },
    /// The signature is valid but encoded in hex, as in OAuth.
    HexSignature {
        /// The key id.
        key_id: String,
    },
    /// The signature is valid but not encoded in standard base64 with padding.
    NonStandardBase64 {
        /// The key id.
        key_id: String,
    },
    /// The signature is not 32 bytes in base64.
    MalformedSignature,
    /// The body is empty.
    EmptyBody,
    /// The body was changed after signing.
    ReencodedBody {
        /// The key id.
        key_id: String,
        /// How it was changed.
        by: Reencoding,
    },
    /// The length of the body differs from the header `Content-Length`.
    WrongLength {
        /// In bytes.
        declared: u64,
        /// In bytes.
        read: u64,
    },
    /// The body is a sample of "Send test notification", which is signed with the shop's own key.
    TestNotification,
    /// No known secret signed the body or any form that it may have had.
    UnknownSecret,
}

/// How a body was changed in transit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reencoding {
    /// A line break or other white space was added around it.
    SurroundingSpace,
    /// A line break at the end was removed.
    TrimmedEnd,
    /// Line breaks were converted to or from `\r\n`.
    LineBreaks,
    /// A byte order mark was added.
    ByteOrderMark,
    /// It was decoded as Latin-1 and encoded as UTF-8.
    Latin1,
    /// Its JSON was parsed and serialised again, with other white space or escapes.
    Json,
}

impl fmt::Display for Reencoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SurroundingSpace => "white space was added around it",
            Self::TrimmedEnd => "a line break at its end was removed",
            Self::LineBreaks => "its line breaks were converted",
            Self::ByteOrderMark => "a byte order mark was added",
            Self::Latin1 => "it was decoded as Latin-1 and encoded as UTF-8",
            Self::Json => "its JSON was parsed and serialised again",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid { key_id } => write!(f, "the signature is valid, under key `{key_id}`"),
            Self::MissingSignature => f.write_str(
                "there is no signature header: the request is not from Shopify, or a proxy removed X-Shopify-Hmac-Sha256",
            ),
            Self::NotADelivery { key_id } => write!(
                f,
                "the signature is valid, under key `{key_id}`, but the body is not a JSON object: subscribe with format \
                 JSON; if you already do, someone is replaying another signed text"
            ),
            Self::UntrimmedSecret { key_id } => write!(
                f,
                "the secret of key `{key_id}` has white space or quotation marks around it: store it without them"
            ),
            Self::HexSignature { key_id } => write!(
                f,
                "the signature is valid, under key `{key_id}`, but encoded in hex: deliveries use base64, so something \
                 between Shopify and this server rewrote the header"
            ),
            Self::NonStandardBase64 { key_id } => write!(
                f,
                "the signature is valid, under key `{key_id}`, but not in standard base64 with padding: something \
                 between Shopify and this server rewrote the header"
            ),
            Self::MalformedSignature => f.write_str("the signature is not base64 of 32 bytes"),
            Self::EmptyBody => f.write_str(
                "the body is empty: it was already consumed, perhaps by the framework's JSON parser; verify the raw bytes",
            ),
            Self::ReencodedBody { key_id, by } => write!(
                f,
                "key `{key_id}` signed another form of this body: {by}; verify the raw bytes as received"
            ),
            Self::WrongLength { declared, read } => write!(
                f,
                "Content-Length is {declared} bytes but the body has {read}: it was truncated or rewritten in transit"
            ),
            Self::TestNotification => f.write_str(
                "this looks like \"Send test notification\", which is signed with the shop's own key, shown beside the \
                 button; trigger a real change instead",
            ),
            Self::UnknownSecret => f.write_str(
                "no known secret has signed this body: compare the client secret with that of the app that owns the \
                 subscription; if it was replaced, Shopify signs with the old one until that is revoked; subscriptions \
                 created in the shop's settings have their own key",
            ),
        }
    }
}

impl Verifier {
    /// Explains why [`Verifier::verify`] rejects a delivery. `header` looks up a header by its lower-case name.
    ///
    /// It signs many forms of the body with all secrets, and takes dozens of times as long as verifying. Limit how
    /// often you call it, since anyone can send requests that are rejected. Show the result to operators only: the
    /// sender should get no more than 401.
    pub fn explain<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Explanation {
        let [webhooks, events] = SIGNATURE;
        let Some(signature) = header(webhooks).or_else(|| header(events)) else {
            return Explanation::MissingSignature;
        };
        let Some(tag) = decode_signature(signature) else {
            return self.explain_encoding(signature, body);
        };
        if let Some(key) = self.verifying_key(body, &tag) {
            let key_id = key.id.clone();
            return if is_object(body) {
                Explanation::Valid { key_id }
            } else {
                Explanation::NotADelivery { key_id }
            };
        }
        if body.is_empty() {
            return Explanation::EmptyBody;
        }
        let declared = header("content-length").and_then(|length| length.trim().parse().ok());
        let read = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.explain_secret(body, &tag)
            .or_else(|| self.explain_body(body, &tag))
            .or_else(|| {
                let declared = declared.filter(|declared| *declared != read)?;
                Some(Explanation::WrongLength { declared, read })
            })
            .or_else(|| is_sample(body).then_some(Explanation::TestNotification))
            .unwrap_or(Explanation::UnknownSecret)
    }

    /// Explains a signature that is not standard base64, but may be valid in another encoding.
    fn explain_encoding(&self, signature: &str, body: &[u8]) -> Explanation {
        let signature = signature.trim_ascii();
        let signer = |tag: Vec<u8>| self.signer(body, &tag).map(|key| key.id.clone());
        if let Some(key_id) = hex::decode(signature).ok().and_then(signer) {
            return Explanation::HexSignature { key_id };
        }
        let others: [&GeneralPurpose; 3] = [&STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
        let decoded = others
            .iter()
            .find_map(|base64| base64.decode(signature).ok());
        match decoded.and_then(signer) {
            Some(key_id) => Explanation::NonStandardBase64 { key_id },
            None => Explanation::MalformedSignature,
        }
    }

    /// Explains a signature by a secret that is configured with white space or quotation marks around it, with the body
    /// unchanged.
    fn explain_secret(&self, body: &[u8], tag: &[u8]) -> Option<Explanation> {
        let fits = |bare: &hmac::Key| hmac::verify(bare, body, tag).is_ok();
        let mut keys = self.keys.iter();
        let key = keys.find(|key| key.trimmed.as_ref().is_some_and(fits))?;
        let key_id = key.id.clone();
        Some(Explanation::UntrimmedSecret { key_id })
    }

    /// Explains a signature by a known secret, with the body changed.
    fn explain_body(&self, body: &[u8], tag: &[u8]) -> Option<Explanation> {
        if body.len() > MAX_EXPLAINED_BODY {
            return None;
        }
        let signed = |by: Reencoding, form: &[u8]| {
            let key_id = self.signer(form, tag)?.id.clone();
            Some(Explanation::ReencodedBody { key_id, by })
        };
        let mark = "\u{feff}".as_bytes();
        let bare = body.strip_prefix(mark);
        if let Some(found) = bare.and_then(|bare| signed(Reencoding::ByteOrderMark, bare)) {
            return Some(found);
        }
        // A byte order mark may occur together with one of the other changes.
        let body = bare.unwrap_or(body);
        let trimmed = body.trim_ascii();
        signed(Reencoding::SurroundingSpace, trimmed)
            .or_else(|| signed(Reencoding::TrimmedEnd, &[body, b"\n"].concat()))
            .or_else(|| signed(Reencoding::TrimmedEnd, &[body, b"\r\n"].concat()))
            .or_else(|| {
                let mut variants = line_breaks(body).into_iter();
                variants.find_map(|form| signed(Reencoding::LineBreaks, &form))
            })
            .or_else(|| signed(Reencoding::Latin1, &latin1(body)?))
            .or_else(|| {
                let mut variants = json::serializations(trimmed);
                variants.find_map(|form| signed(Reencoding::Json, form.as_bytes()))
            })
    }

    /// Returns the key that signed these bytes.
    fn signer(&self, body: &[u8], tag: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.verifies(body, tag))
    }
}

/// Returns the body with the other kind of line breaks, with and without one at the end.
fn line_breaks(body: &[u8]) -> Vec<Vec<u8>> {
    let mut unix = Vec::with_capacity(body.len());
    for (place, byte) in body.iter().enumerate() {
        if *byte != b'\r' || body.get(place + 1) != Some(&b'\n') {
            unix.push(*byte);
        }
    }
    let mut windows = Vec::with_capacity(body.len());
    for byte in &unix {
        if *byte == b'\n' {
            windows.push(b'\r');
        }
        windows.push(*byte);
    }
    let trimmed = [unix.trim_ascii_end(), windows.trim_ascii_end()].map(<[u8]>::to_vec);
    let mut variants = vec![unix, windows];
    variants.extend(trimmed);
    variants.retain(|form| form != body);
    variants
}

/// Returns the bytes that yield this text when decoded as Latin-1.
fn latin1(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    if text.is_ascii() {
        return None;
    }
    let bytes = text.chars().map(|c| u8::try_from(u32::from(c)));
    bytes.collect::<Result<_, _>>().ok()
}

/// The object ids in Shopify's sample bodies: order, product, collection, customer, inventory item, location, shop.
const SAMPLE_IDS: [&str; 7] = [
    "820982911946154508",
    "788032119674292922",
    "841564295",
    "706405506930370084",
    "271878346596884015",
    "866550311766439020",
    "548380009",
];

fn is_sample(body: &[u8]) -> bool {
    let fields = super::fields::BodyFields::read(body).unwrap_or_default();
    let id = fields.id.or(fields.inventory_item_id);
    id.is_some_and(|id| SAMPLE_IDS.contains(&id.get()))
}
