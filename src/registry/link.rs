//! `Link` headers of paged lists (RFC 8288; OCI distribution specification, "Listing Tags" and "Listing Referrers").

/// A `Link` header that names no target. The list goes on, but nobody knows where.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidLink;

/// The target of the next page: the first link whose relation is `next`, or that has none. `None` is the last page.
pub fn next<'a>(headers: impl IntoIterator<Item = &'a str>) -> Result<Option<&'a str>, InvalidLink> {
    for header in headers {
        let mut rest = header.trim();
        while !rest.is_empty() {
            let (target, after) = match rest.strip_prefix('<') {
                Some(inner) => inner.split_once('>').ok_or(InvalidLink)?,
                // Some registries leave the angle brackets out.
                None => rest.split_at(rest.find([';', ',']).unwrap_or(rest.len())),
            };
            let (params, others) = split_params(after);
            if is_next(params) {
                let target = target.trim();
                return if target.is_empty() {
                    Err(InvalidLink)
                } else {
                    Ok(Some(target))
                };
            }
            rest = others.trim();
        }
    }
    Ok(None)
}

/// The parameters of this link, and the links after it. A comma inside quotes belongs to the parameters.
fn split_params(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn is_next(params: &str) -> bool {
    let rel = params.split(';').find_map(|param| {
        let (key, value) = param.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("rel")
            .then(|| value.trim().trim_matches('"'))
    });
    rel.is_none_or(|rel| rel.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case("next")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_page_is_found() {
        for (header, expected) in [
            (
                r#"</v2/a/tags/list?last=x&n=100>; rel="next""#,
                Ok(Some("/v2/a/tags/list?last=x&n=100")),
            ),
            ("<https://r.test/x>;rel=next", Ok(Some("https://r.test/x"))),
            ("</x>", Ok(Some("/x"))),
            ("/x; rel=next", Ok(Some("/x"))),
            (
                r#"</first>; rel="first", </next>; title="a, b"; rel="Next last""#,
                Ok(Some("/next")),
            ),
            (r#"</first>; rel="first""#, Ok(None)),
            ("<>; rel=next", Err(InvalidLink)),
            ("</x", Err(InvalidLink)),
            ("", Ok(None)),
        ] {
            assert_eq!(next([header]), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in r#"(<|>|;|,|rel=|"|next|/x|é)*|.*"#) {
            let _ = next([header.as_str()]);
        }
    }
}
