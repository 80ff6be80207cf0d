//! Which file is this? Every known shape, by the keys it has, and the words it is called by.

use super::choice::{Candidate, choose};
use super::fields::PRODUCTION;
use super::flat::{Flat, Names, Slot};
use super::json::{Node, Value};
use super::named::{Named, Texts, shown};
use super::private_key::PrivateKey;
use super::reader::{CredentialsReader, Fields, Found, Wanted};
use super::service::ServiceFields;
use crate::error::{CredentialsError, Origin};
use crate::secret::Secret;

/// The fields of the credentials in this document.
pub(super) fn read(root: &Value<'_>, reader: &CredentialsReader, wanted: Wanted) -> Result<Found, CredentialsError> {
    if root.object().is_err() {
        return Err(not_credentials("JSON without an object", UNKNOWN));
    }
    if let Some((found, advice)) = refused(root) {
        return Err(not_credentials(found, advice));
    }
    let single = |words, fields| Ok(Found { words, fields: reader.complete(fields) });
    let is_inner = ["technicalAccount", "imsEndpoint", "privateKey"].iter().filter(|key| root.get(key).is_given());
    if root.get("integration").is_given() {
        single("the service credentials of AEM's Developer Console", aem(&root.get("integration"))?)
    } else if root.get("accessToken").is_given() {
        single("a local development token of AEM's Developer Console", development(root)?)
    } else if is_inner.count() > 1 {
        single("the inner part of the service credentials of AEM's Developer Console", aem(root)?)
    } else if root.get("ims").get("contexts").is_given() {
        several(AIO_CONFIG, contexts(root, reader, wanted)?, reader, wanted)
    } else if root.get("project").is_given() || root.get("workspace").get("details").is_given() {
        several(PROJECT, project(root, reader, wanted)?, reader, wanted)
    } else if root.get("jwt_payload").is_given() {
        single(OLDEST_AIO, oldest_aio(root)?)
    } else if root.get("values").list().is_ok_and(|values| !values.is_empty()) {
        let (words, fields) = postman(root, wanted)?;
        single(words, fields)
    } else {
        let (words, fields) = flat(root, wanted)?;
        single(words, fields)
    }
}

/// What has its own shape, and no credentials for IMS.
fn refused(root: &Value<'_>) -> Option<(&'static str, &'static str)> {
    let failed = matches!(root.get("ok").node(), Some(Node::Bool(false)))
        || matches!(root.get("statusCode").node(), Some(Node::Number(status)) if *status != Some(200));
    let has = |keys: &[&str]| keys.iter().all(|key| root.get(key).is_given());
    if failed {
        Some(("an error response of the Developer Console, saved as a file", "download the credentials again"))
    } else if has(&["client_credentials"]) {
        Some((
            "the credentials of Adobe PDF Services",
            "they belong to another token service than IMS: use an SDK of Adobe PDF Services",
        ))
    } else if has(&["access_token"]) && !has(&["client_id"]) {
        Some(("a token response of IMS", "a token that was issued cannot get another one: use the credentials"))
    } else if root.get("type").label().as_deref() == Some("service_account") {
        Some(("the key of a Google service account", UNKNOWN))
    } else if has(&["redirect_uri"]) {
        Some((
            "a credential for signing in people",
            "a service needs service credentials or OAuth Server-to-Server: create such a credential in the project",
        ))
    } else {
        None
    }
}

/// The parts of the file of AEM's Developer Console.
fn aem(integration: &Value<'_>) -> Result<Fields, CredentialsError> {
    let field = |path: &[&str]| integration.field(path);
    Ok(Fields::Service(ServiceFields {
        origin: Origin::Aem,
        ims_host: field(&["imsEndpoint"])?.text()?,
        org_id: field(&["org"])?.text()?,
        technical_account_id: field(&["id"])?.text()?,
        client_id: field(&["technicalAccount", "clientId"])?.text()?,
        client_secret: field(&["technicalAccount", "clientSecret"])?.text()?,
        metascopes: field(&["metascopes"])?.texts()?,
        private_key: field(&["privateKey"])?.text()?.map(PrivateKey::Text),
        passphrase: Named::new("passphrase", None),
        certificate: field(&["publicKey"])?.text_if_any(),
        signing_key: None,
    }))
}

fn development(root: &Value<'_>) -> Result<Fields, CredentialsError> {
    Ok(Fields::Development(root.get("accessToken").text()?))
}

/// The credentials of a project or workspace download of the Adobe Developer Console.
fn project(root: &Value<'_>, reader: &CredentialsReader, wanted: Wanted) -> Result<Vec<Candidate>, CredentialsError> {
    let org_id = root.field(&["project", "org", "ims_org_id"])?.text()?;
    let workspace = match root.get("workspace").is_given() {
        true => root.get("workspace"),
        false => root.field(&["project", "workspace"])?,
    };
    let credentials = workspace.field(&["details", "credentials"])?.list()?;
    let candidate = |credential: &Value<'_>| {
        let (name, id) = (credential.get("name").label(), credential.get("id").label());
        let shown = match (&name, &id) {
            (Some(name), Some(id)) => format!("{name} ({id})"),
            (name, id) => name.clone().or(id.clone()).unwrap_or_default(),
        };
        let (kind, fields) = match project_credential(credential, wanted) {
            Ok((kind, fields)) => (kind, Ok(fields)),
            Err(fault) => ("a credential", Err(fault)),
        };
        let complete = |mut fields| {
            match &mut fields {
                Fields::Service(fields) => fields.org_id = org_id.clone(),
                Fields::OAuth(fields) => fields.org_id = org_id.clone(),
                Fields::Development(_) => {}
            }
            reader.complete(fields)
        };
        let fields = fields.map(|fields| fields.map(complete));
        Candidate::new(shown, [name, id].into_iter().flatten(), kind, fields)
    };
    Ok(credentials.iter().map(candidate).collect())
}

fn project_credential(
    credential: &Value<'_>,
    wanted: Wanted,
) -> Result<(&'static str, Option<Fields>), CredentialsError> {
    let (oauth, jwt) = (credential.field(&["oauth_server_to_server"])?, credential.field(&["jwt"])?);
    if jwt.is_given() && (!oauth.is_given() || wanted == Wanted::Service) {
        return Ok(("JWT", Some(Flat::of_object(&jwt, &AIO)?.service(Origin::Jwt(PROJECT_JWT))?)));
    }
    if oauth.is_given() {
        return Ok(("OAuth Server-to-Server", Some(Flat::of_object(&oauth, &AIO)?.oauth(Origin::OAuth(PROJECT))?)));
    }
    Ok(match credential.get("integration_type").label().unwrap_or_default().as_str() {
        "oauth_server_to_server" | "oauth_server_to_server_migrate" => {
            ("OAuth Server-to-Server without its secrets", None)
        }
        "service" => ("JWT without its secrets", None),
        "apikey" => ("an API key", None),
        _ => ("for signing in people", None),
    })
}

/// The contexts of a configuration file of `aio`.
fn contexts(root: &Value<'_>, reader: &CredentialsReader, wanted: Wanted) -> Result<Vec<Candidate>, CredentialsError> {
    let mut candidates = Vec::new();
    for (name, context) in root.field(&["ims", "contexts"])?.object()? {
        // Others hold the tokens of a user, or a single setting.
        if context.get("client_id").is_given() {
            let flat = Flat::of_object(&context, &AIO)?;
            let read = flat.read(wanted, Origin::Jwt(AIO_JWT), Origin::OAuth(AIO_OAUTH));
            candidates.push(named_candidate(name, read, reader));
        }
    }
    Ok(candidates)
}

/// One of several that have a name: a context of `aio`, or a family of variables.
pub(super) fn named_candidate(
    name: &str,
    (kind, fields): (&'static str, Result<Fields, CredentialsError>),
    reader: &CredentialsReader,
) -> Candidate {
    let fields = fields.map(|fields| Some(reader.complete(fields)));
    Candidate::new(name.to_owned(), [name.to_owned()], kind, fields)
}

/// The configuration that `aio` wrote before it had contexts: it holds the claims as they are
/// signed.
fn oldest_aio(root: &Value<'_>) -> Result<Fields, CredentialsError> {
    let claims = root.field(&["jwt_payload"])?;
    let metascopes = claims.object()?.into_iter().filter(|(key, value)| {
        key.starts_with("https://") && key.contains("/s/") && matches!(value.node(), Some(Node::Bool(true)))
    });
    let metascopes = metascopes.map(|(key, _)| Secret::from(key.to_owned())).collect();
    let audience = claims.field(&["aud"])?.text()?;
    let host = audience.shown().and_then(|url| url.strip_prefix("https://")?.split('/').next());
    let host = Secret::from(host.unwrap_or(PRODUCTION).to_owned());
    Ok(Fields::Service(ServiceFields {
        origin: Origin::Jwt(OLDEST_AIO),
        ims_host: Named::new(audience.name.clone(), Some(host)),
        org_id: claims.field(&["iss"])?.text()?,
        technical_account_id: claims.field(&["sub"])?.text()?,
        client_id: root.get("client_id").text()?,
        client_secret: root.get("client_secret").text()?,
        metascopes: Named::new("jwt_payload", Some(Texts::List(metascopes))),
        private_key: root.get("jwt_private_key").lines()?.map(PrivateKey::Text),
        passphrase: Named::new("passphrase", None),
        certificate: Named::new("certificate", None),
        signing_key: None,
    }))
}

/// A Postman environment: a list of names and values.
fn postman(root: &Value<'_>, wanted: Wanted) -> Result<(&'static str, Fields), CredentialsError> {
    let mut values = Vec::new();
    for variable in root.get("values").list()? {
        let (name, value) = (variable.get("key").label().unwrap_or_default(), variable.get("value"));
        let is_enabled = !matches!(variable.get("enabled").node(), Some(Node::Bool(false)));
        if let (Some(slot), Some(node), true) = (Slot::of(&name), value.node(), is_enabled) {
            values.push((slot, Value::named(shown(&name), node)));
        }
    }
    if values.is_empty() {
        return Err(not_credentials("JSON of an unknown kind", UNKNOWN));
    }
    let flat = Flat { prefix: String::new(), names: &POSTMAN, values };
    let (_, fields) = flat.read(wanted, Origin::Jwt(POSTMAN_WORDS), Origin::OAuth(POSTMAN_WORDS));
    Ok((POSTMAN_WORDS, fields?))
}

/// All other files: names and values without an envelope.
fn flat(root: &Value<'_>, wanted: Wanted) -> Result<(&'static str, Fields), CredentialsError> {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_given());
    let (names, oauth, jwt) = if has(&["PUBLIC_KEYS_WITH_EXPIRY", "API_KEY"]) {
        (&CONSOLE_JWT, CONSOLE_OAUTH_WORDS, CONSOLE_JWT_WORDS)
    } else if has(&["CLIENT_ID", "CLIENT_SECRETS"]) {
        (&CONSOLE_OAUTH, CONSOLE_OAUTH_WORDS, CONSOLE_JWT_WORDS)
    } else if has(&["clientID", "organization"]) {
        (&IMSCLI, "an OAuth Server-to-Server configuration of imscli", "a JWT configuration of imscli")
    } else if has(&["technicalAccountId", "metaScopes"]) {
        (&JWT_AUTH, "an OAuth Server-to-Server configuration", "a configuration of Adobe's jwt-auth")
    } else if has(&["secret", "sandbox-name", "tech_id"]) {
        (&PYTHON, "a configuration of the Python libraries aepp and aanalytics2", "a JWT configuration of aepp")
    } else {
        (&AIO, AIO_OAUTH, AIO_JWT)
    };
    let flat = Flat::of_object(root, names)?;
    let known = [Slot::ClientId, Slot::ClientSecret, Slot::Scopes, Slot::Metascopes, Slot::PrivateKey];
    if known.into_iter().filter(|slot| flat.has(*slot)).count() < 2 {
        return Err(not_credentials("JSON of an unknown kind", UNKNOWN));
    }
    // The JWT download has neither key nor metascopes.
    let is_download = has(&["PUBLIC_KEYS_WITH_EXPIRY", "API_KEY"]) && !flat.has(Slot::Scopes);
    Ok(match flat.is_jwt(wanted) || is_download {
        true => (jwt, flat.service(Origin::Jwt(jwt))?),
        false => (oauth, flat.oauth(Origin::OAuth(oauth))?),
    })
}

fn several(
    words: &'static str,
    candidates: Vec<Candidate>,
    reader: &CredentialsReader,
    wanted: Wanted,
) -> Result<Found, CredentialsError> {
    Ok(Found { words, fields: choose(words, Origin::OAuth(words), candidates, reader.selection(), wanted)? })
}

fn not_credentials(found: &'static str, advice: &'static str) -> CredentialsError {
    CredentialsError::NotCredentials { found, advice }
}

const UNKNOWN: &str = "a credentials file comes from AEM's Developer Console, the Adobe Developer Console, or a tool \
                       such as aio: download it again";
const PROJECT: &str = "a project download of the Adobe Developer Console";
const PROJECT_JWT: &str = "JWT credentials in a project download of the Adobe Developer Console";
const AIO_CONFIG: &str = "a configuration of Adobe's aio command line";
const OLDEST_AIO: &str = "a JWT configuration of Adobe's aio command line";
const AIO_JWT: &str = "a JWT context of Adobe's aio-lib-ims";
const AIO_OAUTH: &str = "an OAuth Server-to-Server context of Adobe's aio-lib-ims";
const POSTMAN_WORDS: &str = "a Postman environment of the Adobe Developer Console";
const CONSOLE_OAUTH_WORDS: &str = "an OAuth Server-to-Server download of the Adobe Developer Console";
const CONSOLE_JWT_WORDS: &str = "a JWT download of the Adobe Developer Console";

pub(super) const AIO: Names = Names {
    client_id: "client_id",
    client_secret: "client_secret",
    client_secrets: "client_secrets",
    org_id: "ims_org_id",
    account_id: "technical_account_id",
    scopes: "scopes",
    metascopes: "meta_scopes",
    private_key: "private_key",
};
const CONSOLE_OAUTH: Names = Names {
    client_id: "CLIENT_ID",
    client_secret: "CLIENT_SECRET",
    client_secrets: "CLIENT_SECRETS",
    org_id: "ORG_ID",
    account_id: "TECHNICAL_ACCOUNT_ID",
    scopes: "SCOPES",
    metascopes: "META_SCOPES",
    private_key: "PRIVATE_KEY",
};
const CONSOLE_JWT: Names = Names { client_id: "API_KEY", client_secrets: "CLIENT_SECRET", ..CONSOLE_OAUTH };
const POSTMAN: Names = Names { org_id: "IMS_ORG", metascopes: "META_SCOPE", ..CONSOLE_JWT };
const PYTHON: Names =
    Names { client_secret: "secret", client_secrets: "secret", org_id: "org_id", account_id: "tech_id", ..AIO };
const JWT_AUTH: Names = Names {
    client_id: "clientId",
    client_secret: "clientSecret",
    client_secrets: "clientSecret",
    org_id: "orgId",
    account_id: "technicalAccountId",
    scopes: "scopes",
    metascopes: "metaScopes",
    private_key: "privateKey",
};
const IMSCLI: Names = Names {
    client_id: "clientID",
    org_id: "organization",
    account_id: "account",
    metascopes: "metascopes",
    ..JWT_AUTH
};
