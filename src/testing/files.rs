//! The files that Adobe's consoles and tools hand out, filled with the credentials of the mock.
//! Keys are in the order of the real files.

use serde::Serialize;
use serde_json::json;

use super::account::{self, TechnicalAccount};
use super::clients::Clients;
use super::oauth_client::{self, OAuthClient};

/// AEM Developer Console: service credentials.
pub(super) fn service_credentials(clients: &Clients) -> String {
    let account = &clients.account;
    let file = ServiceCredentialsFile {
        ok: true,
        integration: Integration {
            ims_endpoint: clients.ims_host.as_str(),
            metascopes: account.metascopes.names().join(","),
            technical_account: ClientPair {
                client_id: account.client_id.as_str(),
                client_secret: account.secrets.live().next().unwrap_or_default(),
            },
            email: account::TECHNICAL_ACCOUNT_EMAIL,
            id: account::TECHNICAL_ACCOUNT_ID,
            org: account.org_id.as_str(),
            private_key: account.current().private_key_pem(),
            public_key: account.current().certificate_pem(),
        },
        status_code: 200,
    };
    text(&file)
}

/// AEM Developer Console: local development token.
pub(super) fn development_token(access_token: &str) -> String {
    text(&DevelopmentTokenFile { ok: true, access_token, status_code: 200 })
}

/// Adobe Developer Console: download of an OAuth Server-to-Server credential.
pub(super) fn oauth_credentials(oauth: &OAuthClient) -> String {
    text(&OAuthCredentialsFile {
        client_secrets: oauth.secrets.live().collect(),
        org_id: oauth.org_id.as_str(),
        client_id: oauth.client_id.as_str(),
        scopes: oauth.scopes.names(),
        technical_account_id: oauth_client::TECHNICAL_ACCOUNT_ID,
        technical_account_email: oauth_client::TECHNICAL_ACCOUNT_EMAIL,
    })
}

/// Adobe Developer Console: download of a project with that credential and one that gets no tokens.
pub(super) fn project(oauth: &OAuthClient) -> String {
    let credentials = json!([
        {
            "id": "200001", "name": "S2S credential", "integration_type": "oauth_server_to_server",
            "oauth_server_to_server": {
                "client_id": oauth.client_id.as_str(),
                "client_secrets": oauth.secrets.live().collect::<Vec<_>>(),
                "technical_account_email": oauth_client::TECHNICAL_ACCOUNT_EMAIL,
                "technical_account_id": oauth_client::TECHNICAL_ACCOUNT_ID,
                "scopes": oauth.scopes.names(),
            },
        },
        {
            "id": "200002", "name": "Key", "integration_type": "apikey",
            "api_key": { "client_id": "fedcba9876543210fedcba9876543210" },
        },
    ]);
    text(&json!({
        "project": {
            "id": "4566200000000000001", "name": "demoProject", "title": "Demo project", "description": "",
            "org": { "id": "123456", "name": "Demo org", "ims_org_id": oauth.org_id.as_str() },
            "workspace": {
                "id": "4566200000000000002", "name": "Production", "title": "", "description": "",
                "action_url": "https://demo.example.net", "app_url": "https://demo.example.net",
                "details": {
                    "credentials": credentials,
                    "services": [{ "code": "AdobeIOManagementAPISDK", "name": "I/O Management API" }],
                    "runtime": { "namespaces": [] },
                },
            },
        },
    }))
}

/// aio-lib-ims: JWT context.
pub(super) fn aio_jwt_context(account: &TechnicalAccount) -> String {
    text(&json!({
        "client_id": account.client_id.as_str(),
        "client_secret": account.secrets.live().next(),
        "technical_account_id": account::TECHNICAL_ACCOUNT_ID,
        "technical_account_email": account::TECHNICAL_ACCOUNT_EMAIL,
        "meta_scopes": account.metascopes.names(),
        "ims_org_id": account.org_id.as_str(),
        "private_key": account.current().private_key_pem(),
    }))
}

/// aio-lib-ims: OAuth Server-to-Server context.
pub(super) fn aio_oauth_context(oauth: &OAuthClient) -> String {
    text(&json!({
        "client_id": oauth.client_id.as_str(),
        "client_secrets": oauth.secrets.live().collect::<Vec<_>>(),
        "technical_account_email": oauth_client::TECHNICAL_ACCOUNT_EMAIL,
        "technical_account_id": oauth_client::TECHNICAL_ACCOUNT_ID,
        "scopes": oauth.scopes.names(),
        "ims_org_id": oauth.org_id.as_str(),
    }))
}

/// Texts, numbers and lists always become JSON.
fn text(file: &impl Serialize) -> String {
    serde_json::to_string_pretty(file).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceCredentialsFile<'a> {
    ok: bool,
    integration: Integration<'a>,
    status_code: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Integration<'a> {
    ims_endpoint: &'a str,
    metascopes: String,
    technical_account: ClientPair<'a>,
    email: &'a str,
    id: &'a str,
    org: &'a str,
    private_key: &'a str,
    public_key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientPair<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DevelopmentTokenFile<'a> {
    ok: bool,
    access_token: &'a str,
    status_code: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct OAuthCredentialsFile<'a> {
    client_secrets: Vec<&'a str>,
    org_id: &'a str,
    client_id: &'a str,
    scopes: &'a [String],
    technical_account_id: &'a str,
    technical_account_email: &'a str,
}
