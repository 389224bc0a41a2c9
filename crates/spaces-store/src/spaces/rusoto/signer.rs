//! Signs rusoto's requests with AWS Signature Version 4.
//!
//! rusoto's own `sign` is not used because it reads the system clock, hashes the whole body at each attempt, signs
//! `UNSIGNED-PAYLOAD` for a stream, and collapses runs of three or more spaces in header values incorrectly.

use chrono::{DateTime, Utc};
use ring::hmac;
use rusoto_core::signature::SignedRequest;

use crate::digest::ContentHash;

/// The credentials and the region of the signature.
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) region: String,
}

/// Headers that are not part of the signature, because proxies may change them.
const UNSIGNED_HEADERS: [&str; 3] = ["authorization", "content-length", "user-agent"];

impl Signer {
    /// Sets the date, payload hash and authorization headers of a complete request.
    pub(super) fn sign(
        &self,
        request: &mut SignedRequest,
        payload: &ContentHash,
        now: DateTime<Utc>,
    ) {
        let timestamp = now.format("%Y%m%dT%H%M%SZ").to_string();
        set_header(request, "x-amz-date", &timestamp);
        set_header(request, "x-amz-content-sha256", &payload.to_string());
        let authorization = self.authorization(request, payload, &timestamp);
        set_header(request, "authorization", &authorization);
    }

    fn authorization(
        &self,
        request: &SignedRequest,
        payload: &ContentHash,
        timestamp: &str,
    ) -> String {
        let day = &timestamp[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let signed = || {
            let headers = request.headers().iter();
            headers.filter(|(name, _)| !UNSIGNED_HEADERS.contains(&name.as_str()))
        };
        let names: Vec<_> = signed().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let headers = signed().fold(String::new(), |text, (name, values)| {
            text + name + ":" + &canonical_values(values) + "\n"
        });
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{payload}",
            request.method(),
            request.canonical_uri(),
            request.canonical_query_string(),
        );
        let hash = ContentHash::of(canonical.as_bytes());
        let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{hash}");
        let first = format!("AWS4{}", self.secret_key);
        let key = [day, &self.region, "s3", "aws4_request"]
            .iter()
            .fold(first.into_bytes(), |key, step| hmac_sha256(&key, step));
        let signature = hex::encode(hmac_sha256(&key, &to_sign));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key
        )
    }
}

pub(super) fn set_header(request: &mut SignedRequest, name: &str, value: &str) {
    request.remove_header(name);
    request.add_header(name, value);
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// The canonical values of one header: trimmed, with runs of white space collapsed to one space.
fn canonical_values(values: &[Vec<u8>]) -> String {
    let values = values.iter().map(|value| {
        let text = String::from_utf8_lossy(value);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use rusoto_core::Region;
    use rusoto_core::credential::AwsCredentials;

    use super::*;

    /// The credentials of AWS's published examples.
    fn signer() -> Signer {
        Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    fn header(request: &SignedRequest, name: &str) -> String {
        String::from_utf8(request.headers()[name][0].clone()).unwrap()
    }

    #[test]
    fn matches_the_published_get_object_example() {
        // "Signature Calculations for the Authorization Header", Amazon S3 API reference, example GET Object.
        let mut request = SignedRequest::new("GET", "s3", &Region::UsEast1, "/test.txt");
        request.set_hostname(Some("examplebucket.s3.amazonaws.com".to_owned()));
        request.complement();
        request.remove_header("content-type");
        request.add_header("range", "bytes=0-9");
        let then = DateTime::parse_from_rfc3339("2013-05-24T00:00:00Z")
            .unwrap()
            .to_utc();
        signer().sign(&mut request, &ContentHash::of(b""), then);
        assert!(
            header(&request, "authorization").ends_with(
                "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            ),
            "{}",
            header(&request, "authorization")
        );
    }

    #[test]
    fn matches_the_signature_of_rusoto_where_it_is_correct() {
        let region = Region::Custom {
            name: "us-east-1".to_owned(),
            endpoint: "http://127.0.0.1:9000".to_owned(),
        };
        let mut request = SignedRequest::new("PUT", "s3", &region, "/shops/a b/ü+%.json");
        request.add_param("uploadId", "x/=&");
        request.add_header("x-amz-meta-note", "two  spaces ");
        request.set_payload(Some(&b"{}"[..]));
        let ours = signer();
        request.sign(&AwsCredentials::new(
            ours.access_key.clone(),
            ours.secret_key.clone(),
            None,
            None,
        ));
        let theirs = header(&request, "authorization");
        let then = chrono::NaiveDateTime::parse_from_str(
            &header(&request, "x-amz-date"),
            "%Y%m%dT%H%M%SZ",
        );
        ours.sign(
            &mut request,
            &ContentHash::of(b"{}"),
            then.unwrap().and_utc(),
        );
        assert_eq!(header(&request, "authorization"), theirs);
    }

    #[test]
    fn collapses_white_space() {
        assert_eq!(
            canonical_values(&[b"  a   b ".to_vec(), b"c".to_vec()]),
            "a b,c"
        );
    }
}
