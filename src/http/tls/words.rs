//! What is wrong with a TLS connection, each time with the way out.

use jiff::Timestamp;
use rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible,
    pki_types::{ServerName, UnixTime},
};

/// How many names of a server's certificate are told.
const NAMES_TOLD: usize = 3;

/// The words for people. What servers wrote is in them; who shows them cleans them.
pub(in crate::http) fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon | PeerIncompatible::NoKxGroupsInCommon) => {
            nothing_in_common()
        }
        Error::PeerIncompatible(_) | Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => too_old(),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS; is its URL one of http:// instead of https://?".to_owned()
        }
        Error::Other(other) => other.to_string(),
        error => format!("TLS failed: {error}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        // Without the time here: who compares errors would find each one new.
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "its certificate, or its CA's, expired at {}; the server needs a new one",
            date(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "its certificate, or its CA's, is not valid before {}; check the clocks",
            date(*not_before)
        ),
        CertificateError::NotValidForNameContext { expected, presented } => wrong_name(expected, presented),
        CertificateError::UnknownIssuer => "its certificate is signed by a CA that is not trusted; name the CA's \
            certificate (or, if it is self-signed, the certificate itself) in ca_file or ca_data"
            .to_owned(),
        CertificateError::BadSignature => "its certificate is not signed by the CA that it names, though a CA of this \
            name is trusted; name the right CA's certificate in ca_file or ca_data"
            .to_owned(),
        // CaUsedAsEndEntity is such a one.
        CertificateError::Other(other) => format!(
            "its certificate cannot be used by a server ({other}); if it is self-signed, name exactly this certificate \
             in ca_file or ca_data"
        ),
        error => format!("its certificate is refused: {error}"),
    }
}

fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let host = expected.to_str();
    let advice = "the server needs one with this name as subjectAltName (a common name does not count)";
    if presented.is_empty() {
        return format!("its certificate names no host, so not {host} either; {advice}");
    }
    let mut names = presented[..presented.len().min(NAMES_TOLD)].join(", ");
    if presented.len() > NAMES_TOLD {
        names.push_str(", ...");
    }
    format!("its certificate is for another host than {host} (for {names}); {advice}")
}

fn alert_received(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => too_old(),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => format!(
            "{}; or it demands a client certificate (client_cert and client_key)",
            nothing_in_common()
        ),
        AlertDescription::CertificateRequired => {
            "it demands a client certificate; set client_cert and client_key".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        // Its signature is not by the CA that it names.
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            format!("it refuses our client certificate ({alert:?}); check client_cert and client_key")
        }
        alert => format!("it ended TLS ({alert:?})"),
    }
}

fn too_old() -> String {
    "its TLS is too old: at least version 1.2 is spoken".to_owned()
}

fn nothing_in_common() -> String {
    "it accepts none of our TLS versions and ciphers (1.2 with ECDHE and AEAD, or 1.3)".to_owned()
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
}
