//! From a node and the value that it shall have to the smallest plan.

use serde_json::{Map, Value};

use super::{
    EditError,
    node::{Kind, Node},
    path::{is_merge, key_text},
    plan::{KeptEntry, Plan, PlannedItem},
    value::Reader,
};

/// Lists are aligned entry by entry up to this many pairs; beyond that only equal ends are kept.
const MAX_PAIRS: usize = 1_000_000;

/// Plans the changes that give `node` the value `want`. Aliases are not followed: other places keep their value.
pub(super) fn reconcile<'d, 't>(
    node: &'d Node<'t>,
    want: &Value,
    reader: &mut Reader<'d, 't>,
) -> Result<Plan<'d, 't>, EditError> {
    match (&node.kind, want) {
        (Kind::Map { .. }, Value::Object(want)) => map(node, want, reader),
        (Kind::List { items, .. }, Value::Array(want)) => {
            let have = items
                .iter()
                .map(|item| reader.read(&item.node))
                .collect::<Result<Vec<_>, _>>()?;
            if have == *want {
                return Ok(Plan::Keep(node));
            }
            let pairs = align(&have, want);
            let mut planned = Vec::with_capacity(want.len());
            for (value, from) in want.iter().zip(pairs) {
                planned.push(match from.and_then(|index| Some((index, items.get(index)?))) {
                    Some((index, item)) => PlannedItem::Kept {
                        index,
                        plan: reconcile(&item.node, value, reader)?,
                    },
                    None => PlannedItem::New(value.clone()),
                });
            }
            Ok(Plan::List { node, items: planned })
        }
        _ if reader.read(node)? == *want => Ok(Plan::Keep(node)),
        _ => Ok(Plan::Replace(node, want.clone())),
    }
}

fn map<'d, 't>(
    node: &'d Node<'t>,
    want: &Map<String, Value>,
    reader: &mut Reader<'d, 't>,
) -> Result<Plan<'d, 't>, EditError> {
    let Kind::Map { entries, .. } = &node.kind else {
        return Ok(Plan::Keep(node));
    };
    let merged = reader.merged(node)?;
    let mut added = want.clone();
    let mut kept = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        if is_merge(&entry.key) {
            kept.push(KeptEntry {
                index,
                rename: None,
                plan: Plan::Keep(&entry.value),
            });
            continue;
        }
        let key = key_text(&entry.key).ok_or(EditError::Unsupported {
            line: entry.key.line,
            what: "a key that is no plain text",
        })?;
        if let Some(want) = want.get(&key) {
            added.shift_remove(&key);
            kept.push(KeptEntry {
                index,
                rename: None,
                plan: reconcile(&entry.value, want, reader)?,
            });
        }
    }
    added.retain(|key, value| merged.get(key) != Some(value));
    let unchanged =
        kept.len() == entries.len() && added.is_empty() && kept.iter().all(|entry| matches!(entry.plan, Plan::Keep(_)));
    Ok(if unchanged {
        Plan::Keep(node)
    } else {
        Plan::Map { node, kept, added }
    })
}

/// For each wanted entry the old one that it comes from, in ascending order.
fn align(have: &[Value], want: &[Value]) -> Vec<Option<usize>> {
    let front = have.iter().zip(want).take_while(|(a, b)| a == b).count();
    let (old, new) = (&have[front..], &want[front..]);
    let back = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);

    let mut pairs: Vec<Option<usize>> = (0..front).map(Some).collect();
    pairs.extend(middle(old, new).into_iter().map(|pair| pair.map(|index| index + front)));
    pairs.extend((have.len() - back..have.len()).map(Some));
    pairs
}

/// Equal entries by the longest common subsequence; between those, entries of the same name, else of the same place.
fn middle(old: &[Value], new: &[Value]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; new.len()];
    for (index, from) in common(old, new) {
        pairs[index] = Some(from);
    }
    let mut start = 0;
    let mut first_old = 0;
    while start < new.len() {
        if let Some(from) = pairs[start] {
            first_old = from + 1;
            start += 1;
            continue;
        }
        let end = (start..new.len()).find(|n| pairs[*n].is_some()).unwrap_or(new.len());
        let last_old = pairs.get(end).copied().flatten().unwrap_or(old.len());
        pair_gap(
            &old[first_old..last_old],
            &new[start..end],
            first_old,
            &mut pairs[start..end],
        );
        start = end;
        first_old = last_old;
    }
    pairs
}

fn pair_gap(old: &[Value], new: &[Value], offset: usize, pairs: &mut [Option<usize>]) {
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut next = 0;
    for (n, value) in new.iter().enumerate() {
        let wanted = name(value);
        let found = match &wanted {
            Some(_) => (next..old.len()).find(|o| name(&old[*o]) == wanted),
            // An entry without a name takes the next old one, unless that has a name of its own.
            None => (next < old.len() && name(&old[next]).is_none()).then_some(next),
        };
        if let Some(at) = found {
            pairs[n] = Some(offset + at);
            next = at + 1;
        }
    }
}

fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    if old.is_empty() || new.is_empty() || old.len().saturating_mul(new.len()) > MAX_PAIRS {
        return Vec::new();
    }
    let width = new.len() + 1;
    let mut length = vec![0_u32; (old.len() + 1) * width];
    for o in (0..old.len()).rev() {
        for n in (0..new.len()).rev() {
            length[o * width + n] = if old[o] == new[n] {
                length[(o + 1) * width + n + 1] + 1
            } else {
                length[(o + 1) * width + n].max(length[o * width + n + 1])
            };
        }
    }
    let (mut o, mut n, mut pairs) = (0, 0, Vec::new());
    while o < old.len() && n < new.len() {
        if old[o] == new[n] {
            pairs.push((n, o));
            o += 1;
            n += 1;
        } else if length[(o + 1) * width + n] >= length[o * width + n + 1] {
            o += 1;
        } else {
            n += 1;
        }
    }
    pairs
}
