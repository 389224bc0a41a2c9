//! Downloads a result file with GET and continues with range requests when the connection breaks.

use async_stream::try_stream;
use bytes::{Buf, Bytes};
use futures::{Stream, StreamExt};
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, RANGE,
};
use tokio::time::{sleep, timeout};

use super::{BulkError, BulkOptions, SignedUrl};
use crate::http_client::HttpClient;
use crate::transport::{RequestTimeout, ResponseBody, TransportError};

/// Streams the bytes of a file: all of them, or an error.
pub(super) fn download<'c>(
    http: &'c HttpClient,
    options: &'c BulkOptions,
    url: &'c SignedUrl,
    expected: Option<u64>,
) -> impl Stream<Item = Result<Bytes, BulkError>> + Send + 'c {
    try_stream! {
        let mut download = Download::new(http, options, url, expected)?;
        let mut failures = 0;
        while !download.is_done() {
            let mut failure = match download.open().await {
                Ok(mut body) => loop {
                    match download.next_bytes(&mut body).await {
                        Ok(Some(bytes)) => {
                            failures = 0;
                            yield bytes;
                        }
                        Ok(None) => break None,
                        Err(failure) => break Some(failure),
                    }
                },
                Err(failure) => Some(failure),
            };
            // Without a known length, the end of the response is the end of the file.
            if failure.is_none() && download.total.is_none() {
                break;
            }
            if !download.is_done() && failure.is_none() {
                failure = Some(ConnectionError::transient("the connection closed before the end of the file"));
            }
            if let Some(ConnectionError { error, retryable }) = failure {
                failures += 1;
                if !retryable || failures >= http.retry.max_attempts {
                    Err(error)?;
                } else {
                    log::debug!(at = download.position; "The download of a bulk result was interrupted: {error}; resuming");
                    sleep(http.retry.backoff(failures, None)).await;
                }
            }
        }
        download.check_end()?;
    }
}

/// The failure of one connection.
struct ConnectionError {
    error: BulkError,
    /// Whether another connection may succeed.
    retryable: bool,
}

impl ConnectionError {
    fn transient(reason: &str) -> Self {
        Self {
            error: failed(reason, None),
            retryable: true,
        }
    }

    fn from_transport(error: TransportError) -> Self {
        Self {
            retryable: !matches!(error, TransportError::InvalidRequest(_)),
            error: failed("the connection broke", Some(Box::new(error))),
        }
    }

    fn permanent(error: BulkError) -> Self {
        Self {
            error,
            retryable: false,
        }
    }
}

struct Download<'c> {
    http: &'c HttpClient,
    options: &'c BulkOptions,
    url: &'c SignedUrl,
    /// The number of bytes returned so far.
    position: u64,
    /// The number of bytes of the current response that were returned before.
    skip: u64,
    total: Option<u64>,
    /// Identifies this version of the file.
    etag: Option<String>,
}

impl<'c> Download<'c> {
    fn new(
        http: &'c HttpClient,
        options: &'c BulkOptions,
        url: &'c SignedUrl,
        total: Option<u64>,
    ) -> Result<Self, BulkError> {
        // Plain HTTP is allowed only if the endpoint is not Shopify, such as a simulator.
        let plain = url.expose().scheme() == "http" && !http.endpoint.is_shopify();
        if url.expose().scheme() != "https" && !plain {
            return Err(failed("its URL does not use HTTPS", None));
        }
        Ok(Self {
            http,
            options,
            url,
            position: 0,
            skip: 0,
            total,
            etag: None,
        })
    }

    fn is_done(&self) -> bool {
        self.total.is_some_and(|total| self.position >= total)
    }

    fn check_end(&self) -> Result<(), BulkError> {
        match self.total {
            Some(expected) if expected != self.position => Err(BulkError::LengthMismatch {
                expected,
                found: self.position,
            }),
            _ => Ok(()),
        }
    }

    async fn open(&mut self) -> Result<ResponseBody, ConnectionError> {
        // A compressed response has neither ranges nor a length.
        let mut request = http::Request::get(self.url.expose().as_str())
            .header(ACCEPT_ENCODING, "identity")
            .extension(RequestTimeout(self.options.deadline));
        if self.position > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.position));
            if let Some(tag) = self.etag.as_ref().filter(|tag| !tag.starts_with("W/")) {
                request = request.header(IF_RANGE, tag.as_str());
            }
        }
        let unsendable = |error: http::Error| TransportError::InvalidRequest(error.into());
        let request = request.body(Bytes::new()).map_err(unsendable);
        let request = request.map_err(ConnectionError::from_transport)?;
        let response = timeout(self.options.idle_timeout, self.http.transport.send(request)).await;
        let response = response.map_err(|_| ConnectionError::transient("no response in time"))?;
        let response = response.map_err(ConnectionError::from_transport)?;
        self.check_response(response.status().as_u16(), response.headers())?;
        Ok(response.into_body())
    }

    /// Checks the status and headers of a response, and finds the position of its first byte.
    fn check_response(&mut self, status: u16, headers: &HeaderMap) -> Result<(), ConnectionError> {
        let length = header(headers, &CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        match status {
            200 => {
                self.skip = self.position;
                self.check_total(length)?;
            }
            206 => {
                let range = header(headers, &CONTENT_RANGE).and_then(content_range);
                let (begin, total) = range.ok_or_else(|| {
                    ConnectionError::transient("a partial response without a valid Content-Range")
                })?;
                self.check_total(total)?;
                if begin > self.position {
                    return Err(ConnectionError::transient(
                        "a partial response that starts after the requested position",
                    ));
                }
                self.skip = self.position - begin;
            }
            403 | 404 | 410 => {
                return Err(ConnectionError::permanent(BulkError::UrlExpired { status }));
            }
            408 | 429 | 500.. => {
                return Err(ConnectionError::transient(&format!("HTTP status {status}")));
            }
            _ => {
                let reason = format!("HTTP status {status}");
                return Err(ConnectionError::permanent(failed(&reason, None)));
            }
        }
        let tag = header(headers, &ETAG).map(str::to_owned);
        if self.position > 0 && tag != self.etag {
            return Err(ConnectionError::permanent(BulkError::Changed));
        }
        self.etag = tag;
        Ok(())
    }

    /// Compares a stated length with the known one.
    fn check_total(&mut self, found: Option<u64>) -> Result<(), ConnectionError> {
        match (self.total, found) {
            (Some(expected), Some(found)) if expected != found => {
                Err(ConnectionError::permanent(BulkError::LengthMismatch {
                    expected,
                    found,
                }))
            }
            (known, found) => {
                self.total = known.or(found);
                Ok(())
            }
        }
    }

    /// The next bytes that were not returned yet.
    async fn next_bytes(
        &mut self,
        body: &mut ResponseBody,
    ) -> Result<Option<Bytes>, ConnectionError> {
        loop {
            let chunk = timeout(self.options.idle_timeout, body.next()).await;
            let chunk = chunk.map_err(|_| ConnectionError::transient("no data in time"))?;
            let Some(mut bytes) = chunk.transpose().map_err(ConnectionError::from_transport)?
            else {
                return Ok(None);
            };
            let known = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            bytes.advance(known);
            self.skip -= known as u64;
            if bytes.is_empty() {
                continue;
            }
            self.position += bytes.len() as u64;
            if let Some(expected) = self.total.filter(|total| self.position > *total) {
                let found = self.position;
                return Err(ConnectionError::permanent(BulkError::LengthMismatch {
                    expected,
                    found,
                }));
            }
            return Ok(Some(bytes));
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Parses `bytes 5-9/10` into the first position and, if it is stated, the complete length. RFC 9110, 14.4.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (begin, _) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((begin.parse().ok()?, total))
}

fn failed(reason: &str, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> BulkError {
    BulkError::Download {
        reason: reason.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_parsed() {
        for (text, read) in [
            ("bytes 5-9/10", Some((5, Some(10)))),
            ("bytes 0-0/*", Some((0, None))),
            ("bytes */10", None),
            ("5-9/10", None),
            ("bytes 5-9", None),
            ("bytes 5-9/x", None),
        ] {
            assert_eq!(content_range(text), read, "{text}");
        }
    }
}
