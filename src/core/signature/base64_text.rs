//! Base64 as Go's standard library reads it: the standard alphabet with padding; line breaks and stray last bits are
//! passed over.

use base64::{
    DecodeError, Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Without line breaks.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bytes of `text`.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    if text.contains(['\r', '\n']) {
        return BASE64.decode(text.replace(['\r', '\n'], ""));
    }
    BASE64.decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_the_tools_that_write_it_read_it() {
        for (given, expected) in [
            ("", Some(&b""[..])),
            ("YWI=", Some(b"ab")),
            ("YW\r\nI=\n", Some(b"ab")),
            ("YWJ=", Some(b"ab")),
            ("YWI", None),
            ("YWI=x", None),
            ("Y WI=", None),
            ("-_8=", None),
            ("+/8=", Some(&[0xfb, 0xff])),
        ] {
            assert_eq!(decode(given).ok().as_deref(), expected, "{given:?}");
        }
    }
}
