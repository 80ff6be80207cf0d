//! What Adobe hands out becomes checked values: which file is this, and one reader for all.

mod fields;
mod file;
mod service;

pub use service::{ServiceCredentials, ServiceCredentialsBuilder};

/// Credentials of any kind that the client can exchange for tokens.
///
/// Every function that takes `impl Into<Credentials>` takes [`ServiceCredentials`] as they are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// Service credentials of AEM's Developer Console, exchanged by a signed JWT.
    Service(ServiceCredentials),
}

impl From<ServiceCredentials> for Credentials {
    fn from(credentials: ServiceCredentials) -> Self {
        Self::Service(credentials)
    }
}
