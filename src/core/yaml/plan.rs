//! What is meant: the document as it is, with the places that change.
//!
//! Changes are applied to this tree one after the other; then [`super::emit`] turns it into splices and
//! [`super::verify`] compares the result with it.

use serde_json::{Map, Value};

use super::{
    Change, EditError, Op,
    diff::reconcile,
    fresh::{insert_into, into_object, into_value, permute},
    node::{Kind, Node, ScalarStyle},
    path::{Path, Step, is_key},
    value::Reader,
};

/// A node and what becomes of it.
#[derive(Debug, Clone)]
pub(super) enum Plan<'d, 't> {
    Keep(&'d Node<'t>),
    /// Another value at the same place; an anchor stays.
    Replace(&'d Node<'t>, Value),
    Map {
        node: &'d Node<'t>,
        kept: Vec<KeptEntry<'d, 't>>,
        added: Map<String, Value>,
    },
    List {
        node: &'d Node<'t>,
        items: Vec<PlannedItem<'d, 't>>,
    },
}

/// An entry of a map that stays.
#[derive(Debug, Clone)]
pub(super) struct KeptEntry<'d, 't> {
    pub(super) index: usize,
    pub(super) rename: Option<String>,
    pub(super) plan: Plan<'d, 't>,
}

/// An entry of a list, old or new.
#[derive(Debug, Clone)]
pub(super) enum PlannedItem<'d, 't> {
    Kept { index: usize, plan: Plan<'d, 't> },
    New(Value),
}

/// Why a walk did not arrive.
enum Stop {
    /// The path goes through the alias of this anchor; these steps are left.
    Alias(usize, Vec<Step>),
    Error(EditError),
}

impl From<EditError> for Stop {
    fn from(error: EditError) -> Self {
        Self::Error(error)
    }
}

impl<'d, 't> Plan<'d, 't> {
    /// Applies one change. Where the path meets an alias, the place that the alias means is changed.
    pub(super) fn apply(&mut self, root: &'d Node<'t>, change: &Change) -> Result<(), EditError> {
        let mut place = Vec::new();
        let mut steps = change.path.steps().to_vec();
        // An anchor is always above its aliases, so this ends; the bound is for the reader.
        for _ in 0..super::parse::MAX_DEPTH {
            let start = self.descend(&place).ok_or_else(|| EditError::NotFound {
                path: change.path.clone(),
            })?;
            match start.walk(&steps, root, change) {
                Ok(()) => return Ok(()),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Alias(id, rest)) => {
                    place = place_of(root, id).ok_or_else(|| EditError::NotFound {
                        path: change.path.clone(),
                    })?;
                    steps = rest;
                }
            }
        }
        Err(EditError::NotFound {
            path: change.path.clone(),
        })
    }

    /// The plan of the node that is reached over these positions of the original text.
    fn descend(&mut self, place: &[usize]) -> Option<&mut Self> {
        let Some((position, rest)) = place.split_first() else {
            return Some(self);
        };
        self.open();
        let next = match self {
            Self::Map { kept, .. } => &mut kept.iter_mut().find(|entry| entry.index == *position)?.plan,
            Self::List { items, .. } => items.iter_mut().find_map(|item| match item {
                PlannedItem::Kept { index, plan } if index == position => Some(plan),
                _ => None,
            })?,
            Self::Keep(_) | Self::Replace(..) => return None,
        };
        next.descend(rest)
    }

    /// Turns a kept list or map into one whose entries can change.
    fn open(&mut self) {
        let Self::Keep(node) = *self else { return };
        match &node.kind {
            Kind::Map { entries, .. } => {
                let kept = entries.iter().enumerate().map(|(index, entry)| KeptEntry {
                    index,
                    rename: None,
                    plan: Self::Keep(&entry.value),
                });
                *self = Self::Map {
                    node,
                    kept: kept.collect(),
                    added: Map::new(),
                };
            }
            Kind::List { items, .. } => {
                let items = items.iter().enumerate().map(|(index, item)| PlannedItem::Kept {
                    index,
                    plan: Self::Keep(&item.node),
                });
                *self = Self::List {
                    node,
                    items: items.collect(),
                };
            }
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
        }
    }

    fn walk(&mut self, steps: &[Step], root: &'d Node<'t>, change: &Change) -> Result<(), Stop> {
        if let Self::Keep(Node {
            kind: Kind::Alias { id, .. },
            ..
        }) = self
        {
            return Err(Stop::Alias(*id, steps.to_vec()));
        }
        let Some((step, rest)) = steps.split_first() else {
            return self.operate(root, change);
        };
        if let (Self::Keep(node), Step::Key(_)) = (&*self, step)
            && is_null(node)
        {
            let mut value = Value::Null;
            into_value(&mut value, steps, change)?;
            *self = Self::Replace(node, value);
            return Ok(());
        }
        self.open();
        match (self, step) {
            (Self::Map { node, kept, added }, Step::Key(key)) => {
                let at = kept.iter().position(|entry| named(node, entry, key));
                match at {
                    Some(at) if rest.is_empty() => match &change.op {
                        Op::Remove => {
                            kept.remove(at);
                            Ok(())
                        }
                        Op::Rename(name) => {
                            kept[at].rename = Some(name.clone());
                            Ok(())
                        }
                        _ => kept[at].plan.walk(rest, root, change),
                    },
                    Some(at) => kept[at].plan.walk(rest, root, change),
                    None => {
                        let merges = Reader::new(root).merged(node).map_err(EditError::Value)?;
                        if merges.contains_key(key) && !(rest.is_empty() && matches!(change.op, Op::Set(_))) {
                            return Err(EditError::Merged {
                                path: change.path.clone(),
                            }
                            .into());
                        }
                        Ok(into_object(added, key, rest, change)?)
                    }
                }
            }
            (Self::List { items, .. }, Step::Index(index)) => {
                let len = items.len();
                let out_of_range = || EditError::IndexOutOfRange {
                    path: change.path.clone(),
                    index: *index,
                    len,
                };
                if rest.is_empty() && matches!(change.op, Op::Remove) {
                    if *index >= len {
                        return Err(out_of_range().into());
                    }
                    items.remove(*index);
                    return Ok(());
                }
                match items.get_mut(*index).ok_or_else(out_of_range)? {
                    PlannedItem::Kept { plan, .. } => plan.walk(rest, root, change),
                    PlannedItem::New(value) => Ok(into_value(value, rest, change)?),
                }
            }
            (Self::Replace(_, value), _) => Ok(into_value(value, steps, change)?),
            (_, Step::Key(_)) => Err(EditError::NotAMap {
                path: change.path.clone(),
            }
            .into()),
            (_, Step::Index(_)) => Err(EditError::NotAList {
                path: change.path.clone(),
            }
            .into()),
        }
    }

    /// The path ends here: do what was asked for.
    fn operate(&mut self, root: &'d Node<'t>, change: &Change) -> Result<(), Stop> {
        let path = || change.path.clone();
        match &change.op {
            Op::Set(value) => match self {
                Self::Keep(node) => *self = reconcile(node, value, &mut Reader::new(root))?,
                Self::Replace(node, _) | Self::Map { node, .. } | Self::List { node, .. } => {
                    *self = Self::Replace(node, value.clone());
                }
            },
            Op::Append(value) => return self.insert(None, value, path()),
            Op::Insert(index, value) => return self.insert(Some(*index), value, path()),
            Op::Reorder(order) => {
                self.open();
                let Self::List { items, .. } = self else {
                    return Err(EditError::NotAList { path: path() }.into());
                };
                *items = permute(items, order).ok_or_else(|| EditError::BadOrder { path: path() })?;
            }
            Op::Remove | Op::Rename(_) => return Err(EditError::NotFound { path: path() }.into()),
        }
        Ok(())
    }

    fn insert(&mut self, index: Option<usize>, value: &Value, path: Path) -> Result<(), Stop> {
        self.open();
        match self {
            Self::List { items, .. } => {
                let len = items.len();
                let at = index.unwrap_or(len);
                if at > len {
                    return Err(EditError::IndexOutOfRange { path, index: at, len }.into());
                }
                items.insert(at, PlannedItem::New(value.clone()));
                Ok(())
            }
            Self::Replace(_, old) => Ok(insert_into(old, index, value, path)?),
            Self::Keep(node) if is_null(node) => {
                let mut list = Value::Null;
                insert_into(&mut list, index, value, path)?;
                *self = Self::Replace(node, list);
                Ok(())
            }
            Self::Keep(_) | Self::Map { .. } => Err(EditError::NotAList { path }.into()),
        }
    }
}

/// A null without tag, written out or not.
fn is_null(node: &Node<'_>) -> bool {
    node.tag_text().is_none()
        && node.scalar().is_some_and(|(value, style)| {
            style == ScalarStyle::Plain && matches!(value, "" | "~" | "null" | "Null" | "NULL")
        })
}

fn named(node: &Node<'_>, entry: &KeptEntry<'_, '_>, key: &str) -> bool {
    if let Some(name) = &entry.rename {
        return name == key;
    }
    match &node.kind {
        Kind::Map { entries, .. } => entries.get(entry.index).is_some_and(|entry| is_key(&entry.key, key)),
        _ => false,
    }
}

/// The positions that lead to the node with this anchor; keys are not counted.
fn place_of(node: &Node<'_>, id: usize) -> Option<Vec<usize>> {
    if node.anchor().is_some_and(|anchor| anchor.id == id) {
        return Some(Vec::new());
    }
    let below: Vec<&Node<'_>> = match &node.kind {
        Kind::List { items, .. } => items.iter().map(|item| &item.node).collect(),
        Kind::Map { entries, .. } => entries.iter().map(|entry| &entry.value).collect(),
        _ => return None,
    };
    below.into_iter().enumerate().find_map(|(position, child)| {
        let mut place = place_of(child, id)?;
        place.insert(0, position);
        Some(place)
    })
}
