//! Reads query parameters, cookies and the preferred content type from a request.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, COOKIE, Header};
use url::form_urlencoded;

/// The value of the first query parameter with this name, unless it is empty.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let (_, value) = parameters.find(|(known, _)| known == name)?;
    (!value.is_empty()).then(|| value.into_owned())
}

/// The value of the cookie with this name.
pub(super) fn cookie<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let headers = request.headers().get_all(COOKIE);
    let pairs = headers
        .filter_map(|header| header.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Whether the client prefers HTML to JSON, as browsers do.
pub(super) fn prefers_html(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let ranked = accept.ranked();
    let mut known = ranked.iter().map(actix_web::mime::Mime::essence_str);
    let first = known.find(|mime| matches!(*mime, "text/html" | "application/json" | "*/*"));
    first == Some("text/html")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn browsers_get_html_and_programs_json() {
        for (accept, html) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("text/html", true),
            ("*/*", false),
            ("application/json", false),
            ("application/json, text/html;q=0.5", false),
            ("application/json;q=0.5, text/html", true),
            ("image/png", false),
            ("nonsense", false),
        ] {
            let request = TestRequest::default().insert_header(("Accept", accept));
            assert_eq!(prefers_html(&request.to_http_request()), html, "{accept}");
        }
        assert!(!prefers_html(&TestRequest::default().to_http_request()));
    }

    #[test]
    fn parameters_and_cookies_are_found_by_their_full_name() {
        assert_eq!(parameter("a=1&b=x%20y&b=2", "b").as_deref(), Some("x y"));
        assert_eq!(parameter("ab=1&c=", "b"), None);
        assert_eq!(parameter("c=", "c"), None);
        let request = TestRequest::default()
            .append_header(("Cookie", "one=1; two=2=2"))
            .append_header(("Cookie", "three=3"))
            .to_http_request();
        assert_eq!(cookie(&request, "two"), Some("2=2"));
        assert_eq!(cookie(&request, "three"), Some("3"));
        assert_eq!(cookie(&request, "tw"), None);
    }
}
