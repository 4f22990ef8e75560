//! Looking before changing: what stands at a place, with aliases and merge keys followed.

use std::collections::{HashMap, HashSet};

use super::{
    node::{Kind, Node, ScalarStyle},
    parse::{Document, MAX_DEPTH},
    path::{is_key, is_merge},
    scalar,
};

/// What a value is, aliases followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape<'d> {
    /// A map.
    Map,
    /// A list with so many entries.
    List(usize),
    /// Nothing, or a plain `null` or `~`.
    Null,
    /// A text, number or boolean, as it is written but without quotes.
    Scalar(&'d str),
}

/// Reads single places of one document.
///
/// Unlike [`Document::to_value`] it needs no document without faults elsewhere: of equal keys the first counts, which is
/// the one that [`super::edit`] changes.
#[derive(Debug)]
pub struct Look<'d, 't> {
    root: &'d Node<'t>,
    anchors: HashMap<usize, &'d Node<'t>>,
}

impl<'d, 't> Look<'d, 't> {
    /// Prepares to read from `document`.
    pub fn new(document: &'d Document<'t>) -> Self {
        let root = document.root();
        Self {
            root,
            anchors: root.anchors(),
        }
    }

    /// The document itself.
    pub fn root(&self) -> &'d Node<'t> {
        self.root
    }

    /// What `node` is.
    pub fn shape(&self, node: &'d Node<'t>) -> Shape<'d> {
        let node = self.follow(node);
        match &node.kind {
            Kind::Map { .. } => Shape::Map,
            Kind::List { items, .. } => Shape::List(items.len()),
            Kind::Scalar { value, style } => {
                let is_null = *style == ScalarStyle::Plain
                    && node.tag_text().is_none()
                    && matches!(value.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                if is_null { Shape::Null } else { Shape::Scalar(value) }
            }
            Kind::Alias { .. } => Shape::Null,
        }
    }

    /// Whether every reader takes `node` for exactly this text, and not for a number that looks like it.
    pub fn is_text(&self, node: &'d Node<'t>, text: &str) -> bool {
        let node = self.follow(node);
        let scalar = node.scalar();
        scalar.is_some_and(|(value, style)| value == text && scalar::is_text(value, style, node.tag_text()))
    }

    /// Whether `node` is an alias, so that a change of it is a change of another place.
    pub fn is_alias(node: &Node<'_>) -> bool {
        matches!(node.kind, Kind::Alias { .. })
    }

    /// The value of `key` among the own entries of a map.
    pub fn entry(&self, node: &'d Node<'t>, key: &str) -> Option<&'d Node<'t>> {
        let Kind::Map { entries, .. } = &self.follow(node).kind else {
            return None;
        };
        entries
            .iter()
            .find(|entry| is_key(&entry.key, key))
            .map(|entry| &entry.value)
    }

    /// The value that the merge keys (`<<`) of a map bring for `key`. Own entries go before it.
    pub fn merged(&self, node: &'d Node<'t>, key: &str) -> Option<&'d Node<'t>> {
        self.merged_below(node, key, &mut HashSet::new(), MAX_DEPTH)
    }

    /// The entry of a list.
    pub fn item(&self, node: &'d Node<'t>, index: usize) -> Option<&'d Node<'t>> {
        match &self.follow(node).kind {
            Kind::List { items, .. } => items.get(index).map(|item| &item.node),
            _ => None,
        }
    }

    /// What an alias means; any other node is itself.
    pub fn follow(&self, node: &'d Node<'t>) -> &'d Node<'t> {
        let mut node = node;
        // An anchor stands before its aliases and cannot be on one, so one step does; the bound is for the reader.
        for _ in 0..MAX_DEPTH {
            match node.kind {
                Kind::Alias { id, .. } => match self.anchors.get(&id) {
                    Some(target) => node = target,
                    None => return node,
                },
                _ => return node,
            }
        }
        node
    }

    /// `seen` holds the anchors that were searched without success, so that shared sources are searched once.
    fn merged_below(
        &self,
        node: &'d Node<'t>,
        key: &str,
        seen: &mut HashSet<usize>,
        depth: usize,
    ) -> Option<&'d Node<'t>> {
        let Kind::Map { entries, .. } = &self.follow(node).kind else {
            return None;
        };
        let depth = depth.checked_sub(1)?;
        for entry in entries.iter().filter(|entry| is_merge(&entry.key)) {
            let sources: Vec<&'d Node<'t>> = match &entry.value.kind {
                Kind::List { items, .. } => items.iter().map(|item| &item.node).collect(),
                _ => vec![&entry.value],
            };
            for source in sources {
                if let Kind::Alias { id, .. } = source.kind
                    && !seen.insert(id)
                {
                    continue;
                }
                let found = self.entry(source, key);
                if let Some(found) = found.or_else(|| self.merged_below(source, key, seen, depth)) {
                    return Some(found);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::core::yaml::Stream;

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let text = "base: &b {x: 1, <<: &c {y: two}}\nother: *b\nown:\n  <<: [*b, {z: 3}]\n  w: ~\nlist: [a, [b]]\n";
        let stream = Stream::parse(text).unwrap();
        let look = Look::new(&stream.documents()[0]);
        let at = |key: &str| look.entry(look.root(), key).unwrap();
        let scalar = |node: Option<&'_ Node<'_>>| node.and_then(Node::text).map(str::to_owned);
        assert_eq!(look.shape(at("other")), Shape::Map);
        assert!(Look::is_alias(at("other")));
        assert_eq!(scalar(look.entry(at("other"), "x")), Some("1".into()));
        assert_eq!(scalar(look.entry(at("own"), "x")), None);
        for (key, value) in [("x", Some("1")), ("y", Some("two")), ("z", Some("3")), ("w", None)] {
            assert_eq!(scalar(look.merged(at("own"), key)).as_deref(), value, "{key}");
        }
        assert_eq!(look.shape(look.entry(at("own"), "w").unwrap()), Shape::Null);
        assert_eq!(look.shape(at("list")), Shape::List(2));
        assert_eq!(look.shape(look.item(at("list"), 0).unwrap()), Shape::Scalar("a"));
        assert_eq!(look.item(at("list"), 2).map(Node::line), None);
        assert!(look.is_text(look.item(at("list"), 0).unwrap(), "a"));
        assert!(!look.is_text(look.merged(at("own"), "x").unwrap(), "1"));
    }

    #[test]
    fn merge_keys_that_share_their_sources_are_searched_once() {
        let mut text = "m0: &m0 {a: 1}\n".to_owned();
        for n in 1..60 {
            let _ = writeln!(text, "m{n}: &m{n} {{<<: [*m{0}, *m{0}]}}", n - 1);
        }
        let stream = Stream::parse(&text).unwrap();
        let look = Look::new(&stream.documents()[0]);
        let last = look.entry(look.root(), "m59").unwrap();
        assert!(look.merged(last, "missing").is_none());
        assert!(look.merged(last, "a").is_some());
    }
}
