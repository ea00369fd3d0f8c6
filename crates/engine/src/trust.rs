//! Whom the gateway trusts at the other end of a TLS connection.
//!
//! The system's own store where there is one, the bundled roots where there is none (an image made
//! from scratch), and the operator's extra authorities on top of either.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// A file of authorities and what it held, if there is one.
type Extra = Option<(PathBuf, Vec<u8>)>;

/// The configurations in use, made once each: targets that trust the same share their sessions
/// and, across reloads, their connections.
#[derive(Default)]
pub struct TrustStore {
    made: Mutex<HashMap<Extra, Arc<ClientConfig>>>,
}

impl TrustStore {
    /// The configuration that trusts the system and, if given, the authorities in a PEM file.
    pub fn config(&self, ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
        let key = match ca_file {
            None => None,
            Some(path) => {
                let pem = std::fs::read(path)
                    .map_err(|error| unusable(&path.display().to_string(), &error))?;
                Some((path.to_owned(), pem))
            }
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&key) {
            return Ok(config.clone());
        }
        let shown = key.as_ref().map(|(path, _)| path.display().to_string());
        let extra = shown
            .as_deref()
            .zip(key.as_ref().map(|(_, pem)| pem.as_slice()));
        let config = Arc::new(client_config(extra)?);
        // What no target uses any more is not worth its memory.
        made.retain(|_, config| Arc::strong_count(config) > 1);
        made.insert(key, config.clone());
        Ok(config)
    }
}

/// Why an authority file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It does not hold PEM certificates.
    #[error("{path}: not a PEM file of certificates: {reason}")]
    NotPem {
        /// The file.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// No certificate in it, or one that cannot be an authority.
    #[error("{path}: {reason}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The cryptography in use; passed explicitly, never set for the whole process.
pub fn crypto() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A client configuration that trusts the system and, if given, the authorities in a PEM file.
pub fn client_config(extra: Option<(&str, &[u8])>) -> Result<ClientConfig, TrustError> {
    let authorities = match extra {
        Some((path, pem)) => authorities(path, pem)?,
        None => Vec::new(),
    };
    let builder = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("tls", &error))?;
    match Verifier::new_with_extra_roots(authorities.iter().cloned(), crypto()) {
        Ok(verifier) => Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()),
        Err(reason) => {
            tracing::info!(%reason, "no system certificate store; using the bundled roots");
            let mut roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            for authority in authorities {
                roots
                    .add(authority)
                    .map_err(|error| unusable("ca_file", &error))?;
            }
            Ok(builder.with_root_certificates(roots).with_no_client_auth())
        }
    }
}

fn authorities(path: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| TrustError::NotPem {
            path: path.into(),
            reason: error.to_string(),
        })?;
    if certificates.is_empty() {
        return Err(unusable(path, &"holds no certificate"));
    }
    Ok(certificates)
}

fn unusable(path: &str, reason: &dyn std::fmt::Display) -> TrustError {
    TrustError::Unusable {
        path: path.into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused_by_name() {
        let refused = client_config(Some(("/etc/ca.pem", b"hello"))).unwrap_err();
        assert!(refused.to_string().contains("/etc/ca.pem"), "{refused}");
    }

    #[test]
    fn the_system_or_the_bundled_roots_always_do() {
        assert!(client_config(None).is_ok());
    }
}
