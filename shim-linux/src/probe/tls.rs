//! TLS for `check … https`: whom to trust, and the handshake.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use holdover_core::engine::ProbeFailure;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::{Failure, is_ours};
use super::helper::{Desk, Helpers};
use super::http::Bounded;

/// After a certificate was refused, the host's roots are read again when they are older than this.
const STALE: Duration = Duration::from_mins(1);

type Roots = Result<Arc<ClientConfig>, Failure>;

/// The host's trusted roots, read when the first `https` check runs: a daemon without one pays nothing.
#[derive(Debug)]
pub(super) struct Tls {
    desk: Desk<Roots>,
    roots: RefCell<Option<(Instant, Arc<ClientConfig>)>>,
}

impl Tls {
    /// No roots are read yet; these helpers will read them.
    pub(super) fn new(helpers: Rc<Helpers>) -> Self {
        Self { desk: Desk::new(helpers), roots: RefCell::default() }
    }

    /// TLS over `stream` with the server of this name, whose certificate must hold unless `insecure`.
    pub(super) async fn connect(
        &self,
        stream: Bounded,
        host: &str,
        insecure: bool,
        until: Instant,
    ) -> Result<TlsStream<Bounded>, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Failure::new(ProbeFailure::Tls, format!("{host}: {error}")))?;
        let config = if insecure { unverified()? } else { self.verified(until).await? };
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| self.failure(&error))
    }

    async fn verified(&self, until: Instant) -> Roots {
        if let Some((_, config)) = &*self.roots.borrow() {
            return Ok(Arc::clone(config));
        }
        // Many checks may come first at the same time: they are read once.
        let config = self.desk.ask("roots", until, verified).await??;
        *self.roots.borrow_mut() = Some((Instant::now(), Arc::clone(&config)));
        Ok(config)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return Failure::of_network(error);
        };
        // A new root may have been installed since.
        if matches!(tls, Error::InvalidCertificate(_)) {
            self.roots.borrow_mut().take_if(|(read, _)| read.elapsed() > STALE);
        }
        Failure::new(ProbeFailure::Tls, tls.to_string())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verified() -> Result<Arc<ClientConfig>, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let wants = found.errors.iter().find(|error| match &error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } => is_ours(inner),
        _ => false,
    });
    if let Some(error) = wants {
        // With some of them missing, a good certificate would be refused for as long as the others are kept.
        return Err(Failure::ours(ProbeFailure::Tls, error.to_string()));
    }
    let mut roots = RootCertStore::empty();
    // Among many roots of a system there may be one that is too strange to be read; the others count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        let detail = format!("no trusted certificates on this host (package ca-certificates){why}");
        return Err(Failure::new(ProbeFailure::Tls, detail));
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Ok(finish(builder.map_err(|error| unusable(&error))?.with_root_certificates(roots).with_no_client_auth()))
}

fn unverified() -> Result<Arc<ClientConfig>, Failure> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let anyone = Arc::new(Anyone(provider()));
    let builder =
        builder.map_err(|error| unusable(&error))?.dangerous().with_custom_certificate_verifier(anyone);
    Ok(finish(builder.with_no_client_auth()))
}

fn unusable(error: &Error) -> Failure {
    Failure::new(ProbeFailure::Tls, error.to_string())
}

fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each probe sees the certificate anew.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// `insecure`: whoever has the key to any certificate will do.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
