//! The path that a parameter's name is.

use super::HelmValuesError;
use crate::core::foreign::ForeignText;

/// One part of a path: a key, and the entries of the lists below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'p> {
    pub(super) key: &'p str,
    pub(super) indices: Vec<usize>,
}

/// Splits `a.b[1].c` into its parts.
pub(super) fn parse(parameter: &str) -> Result<Vec<Part<'_>>, HelmValuesError> {
    parameter.split('.').map(|text| part(parameter, text)).collect()
}

fn part<'p>(parameter: &str, text: &'p str) -> Result<Part<'p>, HelmValuesError> {
    let bad_index = || HelmValuesError::BadIndex {
        parameter: ForeignText::new(parameter),
    };
    let (key, mut rest) = text.split_at(text.find('[').unwrap_or(text.len()));
    if key.contains(']') {
        return Err(bad_index());
    }
    if key.is_empty() {
        return Err(HelmValuesError::BadPath {
            parameter: ForeignText::new(parameter),
        });
    }
    let mut indices = Vec::new();
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (digits, after) = inner.ok_or_else(bad_index)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad_index());
        }
        // A number that is too large for the machine is out of range of every list.
        indices.push(digits.parse().unwrap_or(usize::MAX));
        rest = after;
    }
    Ok(Part { key, indices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indices_are_told_apart() {
        let part = |key, indices: &[usize]| Part {
            key,
            indices: indices.to_vec(),
        };
        assert_eq!(parse("tag"), Ok(vec![part("tag", &[])]));
        assert_eq!(
            parse("a.b-c[0][12].d"),
            Ok(vec![part("a", &[]), part("b-c", &[0, 12]), part("d", &[])])
        );
        assert_eq!(parse("a[99999999999999999999999]"), Ok(vec![part("a", &[usize::MAX])]));
        for bad in [
            "a[x]", "a[]", "a[-1]", "a[+1]", "a[0", "a0]", "a[0]b", "a[0]]", "a[[0]]",
        ] {
            assert!(matches!(parse(bad), Err(HelmValuesError::BadIndex { .. })), "{bad}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "[0]", "a.[0]"] {
            assert!(matches!(parse(bad), Err(HelmValuesError::BadPath { .. })), "{bad}");
        }
    }
}
