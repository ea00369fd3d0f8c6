//! TLS at the listener: the certificate, and its renewal while connections
//! run.
//!
//! A new file that cannot be used never replaces a certificate that can, and
//! no key is ever printed.

use std::{
    fmt, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, mpsc},
    thread,
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::EdgeError;

/// HTTP/2's name in ALPN.
pub(super) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How often the files are looked at for a change.
const LOOK_EVERY: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(5)
};

/// Where the certificate is. Changed files are taken into use within seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSpec {
    /// PEM file: the certificate, and what it takes to reach a known root.
    pub cert_file: PathBuf,
    /// PEM file: the certificate's private key.
    pub key_file: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} holds no usable PEM {what}: {reason}", file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// What was expected in it.
        what: &'static str,
        /// What was found.
        reason: String,
    },
    /// Both files are well-formed, but not each other's.
    #[error("{} and {} cannot be used together: {reason}", cert_file.display(), key_file.display())]
    Unusable {
        /// The certificate.
        cert_file: PathBuf,
        /// The key.
        key_file: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// The listener's TLS set-up.
pub(super) struct Terminator {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Terminator {
    pub(super) fn load(spec: &TlsSpec) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Arc::new(Certificate::load(spec, Arc::clone(&provider))?);
        let unusable = |error: rustls::Error| TlsError::Unusable {
            cert_file: spec.cert_file.clone(),
            key_file: spec.key_file.clone(),
            reason: error.to_string(),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Keeps looking for a new certificate until the result is dropped.
    pub(super) fn renew(self) -> Result<Renewal, EdgeError> {
        let (stop, stopped) = mpsc::sync_channel::<()>(0);
        thread::Builder::new()
            .name("edge-tls".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                    self.certificate.refresh();
                }
            })
            .map_err(|error| EdgeError::Worker {
                index: 0,
                reason: format!("cannot watch the certificate: {error}"),
            })?;
        Ok(Renewal { _stop: stop })
    }
}

/// Ends the watch over the certificate when dropped.
#[derive(Debug)]
pub(super) struct Renewal {
    _stop: mpsc::SyncSender<()>,
}

/// The certificate in force.
struct Certificate {
    cert_file: PathBuf,
    key_file: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    // Of the files as last tried, good or bad, so that a bad one is told once.
    seen: RwLock<u64>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("cert_file", &self.cert_file)
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

impl Certificate {
    fn load(spec: &TlsSpec, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let files = Files::read(&spec.cert_file, &spec.key_file)?;
        let current = files.parse(&spec.cert_file, &spec.key_file, &provider)?;
        Ok(Self {
            cert_file: spec.cert_file.clone(),
            key_file: spec.key_file.clone(),
            provider,
            current: RwLock::new(Arc::new(current)),
            seen: RwLock::new(files.fingerprint()),
        })
    }

    /// Takes a changed certificate into use; keeps the old one when the new
    /// one is unusable.
    fn refresh(&self) {
        let files = match Files::read(&self.cert_file, &self.key_file) {
            Ok(files) => files,
            Err(error) => return self.refuse(&error, 0),
        };
        let fingerprint = files.fingerprint();
        if fingerprint == *self.seen.read().unwrap_or_else(PoisonError::into_inner) {
            return;
        }
        match files.parse(&self.cert_file, &self.key_file, &self.provider) {
            Ok(renewed) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
                *self.seen.write().unwrap_or_else(PoisonError::into_inner) = fingerprint;
                info!(cert_file = %self.cert_file.display(), "certificate renewed");
            }
            Err(error) => self.refuse(&error, fingerprint),
        }
    }

    fn refuse(&self, error: &TlsError, fingerprint: u64) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if *seen != fingerprint {
            *seen = fingerprint;
            warn!(%error, "the changed certificate is unusable; the old one stays");
        }
    }
}

/// Both files' text.
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(cert_file: &Path, key_file: &Path) -> Result<Self, TlsError> {
        let read = |file: &Path| {
            fs::read(file).map_err(|source| TlsError::Unreadable {
                file: file.to_owned(),
                source,
            })
        };
        Ok(Self {
            cert: read(cert_file)?,
            key: read(key_file)?,
        })
    }

    /// Differs when the files do. Contents, and not times: a mounted secret's
    /// time may stand still or jump. Zero is kept for files that cannot be read.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.cert, &self.key).hash(&mut hasher);
        hasher.finish().max(1)
    }

    fn parse(
        &self,
        cert_file: &Path,
        key_file: &Path,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let malformed = |file: &Path, what, reason: String| TlsError::Malformed {
            file: file.to_owned(),
            what,
            reason,
        };
        let chain = CertificateDer::pem_slice_iter(&self.cert)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| malformed(cert_file, "certificate", error.to_string()))?;
        if chain.is_empty() {
            let none = "it has no CERTIFICATE section".to_owned();
            return Err(malformed(cert_file, "certificate", none));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| malformed(key_file, "private key", error.to_string()))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::Unusable {
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            reason: error.to_string(),
        })
    }
}
