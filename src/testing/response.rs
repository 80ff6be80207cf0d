//! An HTTP response of the mock: status, headers, body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ALLOW, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use super::random::debug_id;

pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) delay: Option<Duration>,
    /// The error code in the body.
    pub(super) code: Option<String>,
}

impl Response {
    pub(super) fn not_found() -> Self {
        Self::empty(StatusCode::NOT_FOUND)
    }

    pub(super) fn method_not_allowed() -> Self {
        let mut response = Self::empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers.insert(ALLOW, HeaderValue::from_static("POST"));
        response
    }

    pub(super) fn error(status: StatusCode, code: &str, description: &str) -> Self {
        let body = json!({ "error": code, "error_description": description });
        Self { code: Some(code.to_owned()), ..Self::json(status, body.to_string()) }
    }

    pub(super) fn json(status: StatusCode, body: String) -> Self {
        Self::typed(status, body, "application/json;charset=UTF-8")
    }

    /// JSON or HTML, whichever the body looks like.
    pub(super) fn text(status: StatusCode, body: String) -> Self {
        if body.starts_with('{') {
            Self::json(status, body)
        } else {
            Self::typed(status, body, "text/html;charset=UTF-8")
        }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new(), delay: None, code: None }
    }

    /// What every response of IMS has, unless it is there already.
    pub(super) fn with_ims_headers(mut self, now: SystemTime) -> Self {
        let header = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        self.headers.entry(DATE).or_insert_with(|| header(http_date(now)));
        self.headers.entry(X_DEBUG_ID).or_insert_with(|| header(debug_id()));
        self
    }

    fn typed(status: StatusCode, body: String, content_type: &'static str) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.body = body;
        response
    }
}

/// A `Date` header can only name the years 1970 to 9999; a time outside them is moved to the
/// nearest.
fn http_date(now: SystemTime) -> String {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().min(MAX_HTTP_DATE);
    httpdate::fmt_http_date(UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH))
}

/// The end of the year 9999.
const MAX_HTTP_DATE: Duration = Duration::from_secs(253_402_300_799);

const X_DEBUG_ID: HeaderName = HeaderName::from_static("x-debug-id");
