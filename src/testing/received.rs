//! A request to one of the endpoints, taken apart and not yet verified.

use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::assertion::ReceivedAssertion;
use super::endpoint::MockEndpoint;
use super::form::Form;

pub(super) struct ReceivedRequest<'a> {
    pub(super) endpoint: MockEndpoint,
    pub(super) path: &'a str,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Form,
    pub(super) assertion: Option<ReceivedAssertion>,
    pub(super) user_agent: Option<&'a str>,
    /// The header `X-IMS-ClientId`.
    pub(super) ims_client_id: Option<&'a str>,
    /// The token of the header `Authorization`.
    pub(super) bearer: Option<&'a str>,
}

impl<'a> ReceivedRequest<'a> {
    pub(super) fn read(
        endpoint: MockEndpoint,
        path: &'a str,
        query: Option<&str>,
        headers: &'a HeaderMap,
        body: &[u8],
    ) -> Self {
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let form = Form::read(header(CONTENT_TYPE), body);
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self {
            endpoint,
            path,
            query: query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            assertion: form.get("jwt_token").and_then(ReceivedAssertion::decode),
            form,
            user_agent: header(USER_AGENT),
            ims_client_id: header(X_IMS_CLIENT_ID),
            bearer: header(AUTHORIZATION).and_then(bearer),
        }
    }

    /// From the form or, as some of Adobe's clients send it, from the query.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.form.get("client_id").or_else(|| self.client_ids_in_query().next())
    }

    pub(super) fn client_ids_in_query(&self) -> impl Iterator<Item = &str> {
        self.query.iter().filter(|(name, _)| name == "client_id").map(|(_, value)| value.as_str())
    }

    /// The form field `scope`: a list with commas, spaces or both between its items.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &str> {
        let list = self.form.get("scope").unwrap_or_default();
        list.split(|symbol: char| symbol == ',' || symbol.is_whitespace()).filter(|scope| !scope.is_empty())
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

const X_IMS_CLIENT_ID: HeaderName = HeaderName::from_static("x-ims-clientid");
