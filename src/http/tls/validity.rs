//! From when to when a certificate is valid (RFC 5280, section 4.1). The TLS library checks this, but only together with
//! what a pinned certificate is not asked for.

use std::time::Duration;

use der::{
    Decode as _, Reader, SliceReader, Tag,
    asn1::{AnyRef, GeneralizedTime, UtcTime},
};
use rustls::pki_types::UnixTime;

/// The time in which a certificate is valid, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

impl Validity {
    /// Reads it from a certificate in DER; nothing when that cannot be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        SliceReader::new(certificate)
            .and_then(|mut reader| read(&mut reader))
            .ok()
    }
}

fn read(reader: &mut SliceReader<'_>) -> der::Result<Validity> {
    reader.sequence(|certificate| {
        let validity = certificate.sequence(|signed| {
            if signed.peek_tag()?.is_context_specific() {
                skip(signed)?; // version
            }
            skip(signed)?; // serial number
            skip(signed)?; // signature algorithm
            skip(signed)?; // issuer
            let validity = signed.sequence(|validity| {
                Ok(Validity {
                    not_before: time(validity)?,
                    not_after: time(validity)?,
                })
            })?;
            skip_rest(signed)?;
            Ok(validity)
        })?;
        skip_rest(certificate)?;
        Ok(validity)
    })
}

fn time<'a>(reader: &mut impl Reader<'a>) -> der::Result<UnixTime> {
    let since_1970: Duration = if reader.peek_tag()? == Tag::UtcTime {
        UtcTime::decode(reader)?.to_unix_duration()
    } else {
        GeneralizedTime::decode(reader)?.to_unix_duration()
    };
    Ok(UnixTime::since_unix_epoch(since_1970))
}

fn skip<'a>(reader: &mut impl Reader<'a>) -> der::Result<()> {
    AnyRef::decode(reader).map(drop)
}

fn skip_rest<'a>(reader: &mut impl Reader<'a>) -> der::Result<()> {
    let rest = reader.remaining_len();
    reader.read_slice(rest).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn both_ends_are_read_in_either_form() {
        // Years until 2049 are written with two digits, later ones with four.
        for (from, to, expected) in [
            ((2001, 1, 1), (2030, 1, 1), (978_307_200, 1_893_456_000)),
            ((2049, 12, 31), (2051, 1, 1), (2_524_521_600, 2_556_144_000)),
        ] {
            let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(to.0, to.1, to.2);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let validity = Validity::of(certificate.der()).unwrap();
            assert_eq!((validity.not_before.as_secs(), validity.not_after.as_secs()), expected);
            for end in 0..certificate.der().len() {
                assert_eq!(Validity::of(&certificate.der()[..end]), None, "{end}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = vec![0x30, 0x81, 0xc8, 0x30, 0x60];
            framed.extend(&bytes);
            prop_assert_eq!(Validity::of(&[]), None);
            let _ = (Validity::of(&bytes), Validity::of(&framed));
        }
    }
}
