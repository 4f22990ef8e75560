//! Where a parameter stands in a values file, or where it would be inserted.

use std::fmt::Write as _;

use super::{
    HelmValuesError,
    parameter::{self, Part},
};
use crate::core::{
    foreign::ForeignText,
    yaml::{Look, Node, Path, Shape},
};

/// The place of a parameter.
#[derive(Debug)]
pub(super) struct Place<'d, 't> {
    /// What is set.
    pub(super) path: Path,
    /// The value that counts now, without quotes; `None` when there is none, or nothing stands there.
    pub(super) present: Option<&'d str>,
    /// The value that counts now when it comes from a merge key; setting it adds a key that goes before.
    pub(super) merged: Option<&'d Node<'t>>,
    /// An alias leads there, so that other paths may mean the same place.
    pub(super) through_alias: bool,
}

/// Finds the place of `parameter`. Without a document everything is missing.
pub(super) fn locate<'d, 't>(look: Option<&Look<'d, 't>>, parameter: &str) -> Result<Place<'d, 't>, HelmValuesError> {
    let Some(look) = look else {
        let parts = parameter::parse(parameter)?;
        return missing(parameter, &parts, 0, Path::root(), false);
    };
    if !matches!(look.shape(look.root()), Shape::Map | Shape::Null) {
        return Err(HelmValuesError::RootNotAMap);
    }
    let nested = nested(look, parameter);
    match (&nested, look.entry(look.root(), parameter)) {
        // The nested path is there, whether it can be used or not.
        (Ok((_, true)) | Err(HelmValuesError::NotAValue { .. }), _) | (_, None) => nested.map(|(place, _)| place),
        (_, Some(node)) => value(look, parameter, node, Path::root().key(parameter), false),
    }
}

/// The place where a parameter is inserted of which the keys from part `from` on are nowhere.
fn missing<'d, 't>(
    parameter: &str,
    parts: &[Part<'_>],
    from: usize,
    path: Path,
    through_alias: bool,
) -> Result<Place<'d, 't>, HelmValuesError> {
    let mut path = path;
    for (n, part) in parts.iter().enumerate().skip(from) {
        path = path.key(part.key);
        if let Some(index) = part.indices.first() {
            return Err(HelmValuesError::IndexOutOfRange {
                parameter: ForeignText::new(parameter),
                at: ForeignText::new(&text_of(parts, n, 0)),
                index: *index,
            });
        }
    }
    Ok(Place {
        path,
        present: None,
        merged: None,
        through_alias,
    })
}

/// The nested place of a parameter, and whether it is there.
fn nested<'d, 't>(look: &Look<'d, 't>, parameter: &str) -> Result<(Place<'d, 't>, bool), HelmValuesError> {
    let parts = parameter::parse(parameter)?;
    let mut walk = Walk {
        look,
        parameter,
        parts: &parts,
        node: look.root(),
        path: Path::root(),
        merged: false,
        through_alias: false,
    };
    for (n, part) in parts.iter().enumerate() {
        if !walk.enter_key(n, part.key)? {
            let place = missing(parameter, &parts, n, walk.path, walk.through_alias)?;
            return Ok((place, false));
        }
        for (i, index) in part.indices.iter().enumerate() {
            walk.enter_entry(n, i, *index)?;
        }
    }
    let mut place = value(look, parameter, walk.node, walk.path, walk.through_alias)?;
    place.merged = walk.merged.then_some(walk.node);
    Ok((place, true))
}

/// The way down to a nested value.
struct Walk<'w, 'd, 't> {
    look: &'w Look<'d, 't>,
    parameter: &'w str,
    parts: &'w [Part<'w>],
    node: &'d Node<'t>,
    path: Path,
    merged: bool,
    through_alias: bool,
}

impl<'d, 't> Walk<'_, 'd, 't> {
    /// Into the key of the part `n`. `false` when it is not there.
    fn enter_key(&mut self, n: usize, key: &str) -> Result<bool, HelmValuesError> {
        let parameter = || ForeignText::new(self.parameter);
        let above = || ForeignText::new(&text_of(self.parts, n.saturating_sub(1), usize::MAX));
        match self.look.shape(self.node) {
            Shape::Map => {}
            Shape::Null => return Ok(false),
            Shape::List(_) => {
                return Err(HelmValuesError::IndexMissing {
                    parameter: parameter(),
                    at: above(),
                });
            }
            Shape::Scalar(_) => {
                return Err(HelmValuesError::NotAMap {
                    parameter: parameter(),
                    at: above(),
                });
            }
        }
        let own = self.look.entry(self.node, key);
        let Some(found) = own.or_else(|| self.look.merged(self.node, key)) else {
            return Ok(false);
        };
        self.merged |= own.is_none();
        self.path = std::mem::take(&mut self.path).key(key);
        self.step(found);
        Ok(true)
    }

    /// Into the entry `index` of a list, which is the index with the number `i` of the part `n`.
    fn enter_entry(&mut self, n: usize, i: usize, index: usize) -> Result<(), HelmValuesError> {
        let parameter = ForeignText::new(self.parameter);
        let at = ForeignText::new(&text_of(self.parts, n, i));
        if !matches!(self.look.shape(self.node), Shape::List(_)) {
            return Err(HelmValuesError::NotAList { parameter, at, index });
        }
        let Some(found) = self.look.item(self.node, index) else {
            return Err(HelmValuesError::IndexOutOfRange { parameter, at, index });
        };
        self.path = std::mem::take(&mut self.path).index(index);
        self.step(found);
        Ok(())
    }

    fn step(&mut self, node: &'d Node<'t>) {
        self.through_alias |= Look::is_alias(node);
        self.node = node;
    }
}

/// The place at `node`, which must be a single value.
fn value<'d, 't>(
    look: &Look<'d, 't>,
    parameter: &str,
    node: &'d Node<'t>,
    path: Path,
    through_alias: bool,
) -> Result<Place<'d, 't>, HelmValuesError> {
    let present = match look.shape(node) {
        Shape::Null => None,
        Shape::Scalar(text) => Some(text),
        Shape::Map | Shape::List(_) => {
            return Err(HelmValuesError::NotAValue {
                parameter: ForeignText::new(parameter),
            });
        }
    };
    Ok(Place {
        path,
        present,
        merged: None,
        through_alias: through_alias || Look::is_alias(node),
    })
}

/// The path up to and with the part `last`, of whose indices only so many are told.
fn text_of(parts: &[Part<'_>], last: usize, indices: usize) -> String {
    let mut text = String::new();
    for (n, part) in parts.iter().take(last + 1).enumerate() {
        if n > 0 {
            text.push('.');
        }
        text.push_str(part.key);
        let told = if n == last { indices } else { usize::MAX };
        for index in part.indices.iter().take(told) {
            let _ = write!(text, "[{index}]");
        }
    }
    text
}
