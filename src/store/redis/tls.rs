//! TLS to Redis, with an explicit crypto provider instead of the process-wide one.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::setup;
use crate::error::StoreSetupError;

/// Creates a configuration that verifies certificates by the system's roots and by these.
pub(super) fn config(pems: &[Vec<u8>]) -> Result<Arc<ClientConfig>, StoreSetupError> {
    let mut roots = RootCertStore::empty();
    // A root that cannot be read must not make the others unusable.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for pem in pems {
        add(&mut roots, pem)?;
    }
    if roots.is_empty() {
        let hint = "install the package ca-certificates, or add roots with `root_certificate`";
        return Err(setup("there are no root certificates", hint));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions();
    let config = config.map_err(|_| setup("TLS cannot be set up", "report this as a bug of the crate"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), StoreSetupError> {
    let error = || setup("a root certificate cannot be read", "give certificates as PEM");
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| error())?).map_err(|_| error())?;
    }
    match roots.len() > before {
        true => Ok(()),
        false => Err(error()),
    }
}
