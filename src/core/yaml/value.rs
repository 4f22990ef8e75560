//! From nodes to data: what Kubernetes and Helm read from the text.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    node::{Kind, Node},
    parse::Document,
    path::{is_merge, key_text},
    scalar::{self, Resolved},
};

/// The most values that a document may expand to; aliases can make very many from few bytes.
const MAX_VALUES: usize = 500_000;

/// The most bytes of text that a document may expand to.
const MAX_BYTES: usize = 64 << 20;

/// Valid YAML that is no JSON-like data.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {reason}")]
pub struct ValueError {
    /// The line, counted from 1.
    pub line: usize,
    /// What cannot be.
    pub reason: &'static str,
}

impl Document<'_> {
    /// The data of the document, with aliases and merge keys applied. Keys are texts; equal keys are an error.
    pub fn to_value(&self) -> Result<Value, ValueError> {
        Reader::new(&self.root).read(&self.root)
    }
}

/// Reads values of one document within a bounded effort.
pub(super) struct Reader<'d, 't> {
    root: &'d Node<'t>,
    /// Looked for when the first alias is met; most documents have none.
    anchors: Option<HashMap<usize, &'d Node<'t>>>,
    values: usize,
    bytes: usize,
    /// Aliases that are being followed; one inside itself has no end.
    open: Vec<usize>,
}

impl<'d, 't> Reader<'d, 't> {
    pub(super) fn new(root: &'d Node<'t>) -> Self {
        Self {
            root,
            anchors: None,
            values: 0,
            bytes: 0,
            open: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, node: &'d Node<'t>) -> Result<Value, ValueError> {
        self.values += 1;
        if self.values > MAX_VALUES || self.bytes > MAX_BYTES {
            return Err(fault(node, "aliases expand to more than is read"));
        }
        match &node.kind {
            Kind::Scalar { value, style } => {
                self.bytes += value.len();
                if scalar::is_text(value, *style, node.tag_text()) {
                    return Ok(Value::String(value.to_string()));
                }
                match scalar::resolve(value) {
                    Resolved::Null => Ok(Value::Null),
                    Resolved::Bool(bool) => Ok(Value::Bool(bool)),
                    Resolved::Number(number) => Ok(Value::Number(number)),
                    Resolved::Text => Ok(Value::String(value.to_string())),
                    Resolved::NotFinite => Err(fault(node, "infinity and NaN cannot be stored")),
                }
            }
            Kind::Alias { id, .. } => self.follow(node, *id, Self::read),
            Kind::List { items, .. } => items
                .iter()
                .map(|item| self.read(&item.node))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Kind::Map { .. } => self.map(node).map(Value::Object),
        }
    }

    fn follow<T>(
        &mut self,
        node: &'d Node<'t>,
        id: usize,
        read: impl FnOnce(&mut Self, &'d Node<'t>) -> Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        if self.open.contains(&id) {
            return Err(fault(node, "an alias that contains itself"));
        }
        let root = self.root;
        let anchors = self.anchors.get_or_insert_with(|| root.anchors());
        let target = *anchors
            .get(&id)
            .ok_or_else(|| fault(node, "an alias without an anchor"))?;
        self.open.push(id);
        let result = read(self, target);
        self.open.pop();
        result
    }

    fn map(&mut self, node: &'d Node<'t>) -> Result<Map<String, Value>, ValueError> {
        let Kind::Map { entries, .. } = &node.kind else {
            return Err(fault(node, "a merge key takes a map"));
        };
        let mut map = Map::new();
        for entry in entries.iter().filter(|entry| !is_merge(&entry.key)) {
            let key = self.key(&entry.key)?;
            let value = self.read(&entry.value)?;
            if map.insert(key, value).is_some() {
                return Err(fault(&entry.key, "the key is there twice"));
            }
        }
        for (key, value) in self.merged(node)? {
            map.entry(key).or_insert(value);
        }
        Ok(map)
    }

    fn key(&mut self, key: &'d Node<'t>) -> Result<String, ValueError> {
        if let Kind::Alias { id, .. } = key.kind {
            return self.follow(key, id, Self::key);
        }
        key_text(key).ok_or_else(|| fault(key, "a key that is a list or a map"))
    }

    /// What the merge keys of a map bring; of several sources the first wins.
    pub(super) fn merged(&mut self, node: &'d Node<'t>) -> Result<Map<String, Value>, ValueError> {
        let mut map = Map::new();
        let Kind::Map { entries, .. } = &node.kind else {
            return Ok(map);
        };
        for entry in entries.iter().filter(|entry| is_merge(&entry.key)) {
            let sources: Vec<&'d Node<'t>> = match &entry.value.kind {
                Kind::List { items, .. } => items.iter().map(|item| &item.node).collect(),
                _ => vec![&entry.value],
            };
            for source in sources {
                let found = match source.kind {
                    Kind::Alias { id, .. } => self.follow(source, id, Self::map)?,
                    _ => self.map(source)?,
                };
                for (key, value) in found {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(map)
    }
}

fn fault(node: &Node<'_>, reason: &'static str) -> ValueError {
    ValueError {
        line: node.line,
        reason,
    }
}
