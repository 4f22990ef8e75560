//! Where the parts of a reference end, and what they may hold.

use super::ImageVersion;

/// The host, if the first component is meant as one, and the rest.
pub(super) fn split_host(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first == "localhost" || first.contains(['.', ':']) || first.chars().any(char::is_uppercase) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

/// The path, and the version if there is a `:` or `@` behind it.
pub(super) fn split_version(text: &str) -> (&str, Option<ImageVersion>) {
    if let Some((before, digest)) = text.split_once('@') {
        let start = before.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match before[start..].rfind(':') {
            Some(colon) => (&before[..start + colon], &before[start + colon + 1..]),
            None => (before, ""),
        };
        return (
            path,
            Some(ImageVersion {
                tag: tag.to_owned(),
                digest: digest.to_owned(),
            }),
        );
    }
    match text.split_once(':') {
        Some((path, tag)) => (
            path,
            Some(ImageVersion {
                tag: tag.to_owned(),
                digest: String::new(),
            }),
        ),
        None => (text, None),
    }
}

/// Dot-separated labels of letters, digits and inner hyphens, or an IPv6 address in brackets; then an optional port.
pub(super) fn is_host(text: &str) -> bool {
    let (host_fits, port) = if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']'))
    {
        let address_fits = !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
        (address_fits, port)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        (text[..end].split('.').all(is_host_label), &text[end..])
    };
    let port_fits = match port.strip_prefix(':') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        None => port.is_empty(),
    };
    host_fits && port_fits
}

fn is_host_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Deliberately wider than the grammar of the registries (upper-case letters, `=`): such a name is refused by the
/// registry with its own words, and never means another image.
pub(super) fn is_path(text: &str) -> bool {
    let component = |c: &str| !c.is_empty() && !c.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
    text.split('/').all(component)
}
