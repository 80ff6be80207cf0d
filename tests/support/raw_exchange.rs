//! An exchange with a raw server.
#![allow(dead_code, reason = "each test root uses a part")]

use std::time::Duration;

use adobe_ims::{Error, ImsClient, ImsClientBuilder, Token};

use super::material::CredentialsFile;
use super::raw::{RawServer, Step};

pub const ACCESS_TOKEN: &str = "header.payload.signature";
pub const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;

/// A whole token response.
pub fn granted() -> Step {
    Step::response("200 OK", BODY)
}

/// A connection on which all goes well.
pub fn good() -> Vec<Step> {
    vec![Step::Read, granted(), Step::Hold]
}

pub fn with_endpoint(endpoint: &str) -> ImsClientBuilder {
    let credentials = CredentialsFile::new().read().unwrap();
    ImsClient::builder(credentials).danger_endpoint(endpoint)
}

pub fn builder(server: &RawServer) -> ImsClientBuilder {
    with_endpoint(&server.endpoint())
}

/// The outcome of a call, which has to end well before the longest default timeout.
pub async fn ends(client: &ImsClient) -> Result<Token, Error> {
    tokio::time::timeout(Duration::from_secs(25), client.exchange()).await.expect("the call hangs")
}
