//! Whether a server is who it says it is.
//!
//! The usual verifier refuses a certificate that may sign others (`CA:TRUE`) as a server's own, even when it is trusted,
//! and `openssl req -x509` makes exactly such ones. A server that shows a certificate which the operator gave us, byte by
//! byte, is accepted by a shorter way: nobody else has its key. Its name and its time still count.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::validity::Validity;

/// There is nothing to check a server's certificate with.
#[derive(Debug, thiserror::Error)]
#[error(
    "this system has no CA certificates, so no server can be trusted; install them (ca-certificates), or name the CA's \
     certificate in ca_file or ca_data"
)]
pub(super) struct NoRoots;

/// Trusts the CAs of the system and those of the operator, and the operator's certificates themselves.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Nothing when there is no CA at all.
    usual: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        roots: &Arc<RootCertStore>,
        pinned: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let usual = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
            Some(builder.build()?)
        };
        Ok(Self {
            usual,
            pinned,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

/// Name and time of a certificate that is trusted as it is.
fn verify_pinned(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let validity = Validity::of(certificate).ok_or(CertificateError::BadEncoding)?;
    if now < validity.not_before {
        return Err(Error::from(CertificateError::NotValidYetContext {
            time: now,
            not_before: validity.not_before,
        }));
    }
    if now > validity.not_after {
        return Err(Error::from(CertificateError::ExpiredContext {
            time: now,
            not_after: validity.not_after,
        }));
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.iter().any(|pinned| pinned == certificate) {
            verify_pinned(certificate, name, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        match &self.usual {
            Some(usual) => usual.verify_server_cert(certificate, intermediates, name, ocsp, now),
            None => Err(Error::Other(OtherError(Arc::new(NoRoots)))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Trusts everybody: what `insecure` asks for. Signatures are not looked at either, for such certificates may be of a form
/// that cannot be read.
#[derive(Debug)]
pub(super) struct Unchecked {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Unchecked {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Unchecked {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
