//! Every file that Adobe's consoles and tools hand out, as downloaded.
#![allow(dead_code, reason = "each test root uses a part")]

use serde_json::{Value, json};

use super::material::{
    CLIENT_ID, CLIENT_SECRET, IMS_HOST, METASCOPE, OAUTH_CLIENT_ID, OAUTH_SECRET, ORG_ID, OTHER_OAUTH_SECRET,
    RSA_2048_PKCS1, SCOPES, TECHNICAL_ACCOUNT_ID, pkcs1_crlf,
};

pub fn console_oauth() -> Value {
    json!({
        "CLIENT_SECRETS": [OAUTH_SECRET, OTHER_OAUTH_SECRET],
        "ORG_ID": ORG_ID,
        "CLIENT_ID": OAUTH_CLIENT_ID,
        "SCOPES": SCOPES,
        "TECHNICAL_ACCOUNT_ID": TECHNICAL_ACCOUNT_ID,
        "TECHNICAL_ACCOUNT_EMAIL": "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com",
    })
}

pub fn console_jwt() -> Value {
    json!({
        "CLIENT_SECRET": CLIENT_SECRET,
        "ORG_ID": ORG_ID,
        "API_KEY": CLIENT_ID,
        "TECHNICAL_ACCOUNT_ID": TECHNICAL_ACCOUNT_ID,
        "TECHNICAL_ACCOUNT_EMAIL": "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com",
        "PUBLIC_KEYS_WITH_EXPIRY": { "0123456789abcdef0123456789abcdef01234567": "01/31/2027" },
    })
}

pub fn project(credentials: Vec<Value>) -> Value {
    json!({
        "project": {
            "id": "4566200000000000001",
            "name": "demoProject",
            "title": "Demo project",
            "description": "",
            "org": { "id": "123456", "name": "Demo org", "ims_org_id": ORG_ID },
            "workspace": {
                "id": "4566200000000000002",
                "name": "Production",
                "action_url": "https://demo.example.net",
                "details": {
                    "credentials": credentials,
                    "services": [{ "code": "AdobeIOManagementAPISDK", "name": "I/O Management API" }],
                    "runtime": { "namespaces": [{ "name": "123456-demo", "auth": "uuid:MARKER" }] },
                },
            },
        },
    })
}

pub fn s2s() -> Value {
    json!({
        "id": "200001", "name": "S2S credential", "integration_type": "oauth_server_to_server",
        "oauth_server_to_server": {
            "client_id": OAUTH_CLIENT_ID,
            "client_secrets": [OAUTH_SECRET],
            "technical_account_email": "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com",
            "technical_account_id": TECHNICAL_ACCOUNT_ID,
            "scopes": SCOPES,
        },
    })
}

pub fn project_jwt() -> Value {
    json!({
        "id": "200002", "name": "JWT credential", "integration_type": "service",
        "jwt": {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "technical_account_email": "0a1b2c3d-0000-4000-8000-00000000abce@techacct.adobe.com",
            "technical_account_id": TECHNICAL_ACCOUNT_ID,
            "meta_scopes": [METASCOPE],
        },
    })
}

pub fn web() -> Value {
    json!({
        "id": "200003", "name": "Web", "integration_type": "oauthweb",
        "oauth2": { "client_id": "x", "client_secret": "MARKER", "redirect_uri": ["https://demo.example.net/cb"],
            "defaultRedirectUri": "https://demo.example.net/cb" },
    })
}

pub fn api_key() -> Value {
    json!({ "id": "200004", "name": "Key", "integration_type": "apikey", "api_key": { "client_id": "z" } })
}

pub fn aio_oauth() -> Value {
    json!({
        "client_id": OAUTH_CLIENT_ID,
        "client_secrets": [OAUTH_SECRET],
        "technical_account_email": "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com",
        "technical_account_id": TECHNICAL_ACCOUNT_ID,
        "scopes": SCOPES,
        "ims_org_id": ORG_ID,
    })
}

pub fn aio_jwt() -> Value {
    json!({
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "technical_account_id": TECHNICAL_ACCOUNT_ID,
        "meta_scopes": [METASCOPE],
        "ims_org_id": ORG_ID,
        "private_key": pkcs1_crlf(),
    })
}

pub fn postman(more: &[(&str, &str)]) -> Value {
    let all = [
        ("API_KEY", OAUTH_CLIENT_ID),
        ("CLIENT_SECRET", OAUTH_SECRET),
        ("TECHNICAL_ACCOUNT_ID", TECHNICAL_ACCOUNT_ID),
        ("IMS", IMS_HOST),
        ("IMS_ORG", ORG_ID),
        ("ACCESS_TOKEN", ""),
    ];
    let values = all
        .iter()
        .chain(more)
        .map(|(key, value)| json!({ "key": key, "value": value, "type": "default", "enabled": true }));
    json!({ "id": "0a1b2c3d", "name": "Demo", "values": values.collect::<Vec<_>>(), "_postman_variable_scope": "environment" })
}

pub fn jwt_auth() -> Value {
    json!({
        "clientId": CLIENT_ID, "technicalAccountId": TECHNICAL_ACCOUNT_ID, "orgId": ORG_ID,
        "clientSecret": CLIENT_SECRET, "privateKey": RSA_2048_PKCS1,
        "metaScopes": [format!("https://{IMS_HOST}/s/{METASCOPE}")], "ims": format!("https://{IMS_HOST}"),
    })
}

/// What `aio` wrote before it had contexts.
pub fn oldest_aio() -> Value {
    json!({
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "jwt_payload": {
            "exp": 1_550_000_000, "iss": ORG_ID, "sub": TECHNICAL_ACCOUNT_ID,
            (format!("https://{IMS_HOST}/s/{METASCOPE}")): true,
            "aud": format!("https://{IMS_HOST}/c/{CLIENT_ID}"),
        },
        "jwt_private_key": RSA_2048_PKCS1.lines().collect::<Vec<_>>(),
        "token_exchange_url": format!("https://{IMS_HOST}/ims/exchange/jwt"),
    })
}
