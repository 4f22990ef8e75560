//! How a file is written: line breaks, indentation, quotes.

use super::{
    node::{Kind, Node, ScalarStyle},
    text::{column, first_on_line},
};

/// The habits of one document, so that what is added looks like the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// `\n` or `\r\n`.
    pub(super) newline: &'static str,
    /// How many blanks a map stands deeper than the map around it.
    pub(super) step: usize,
    /// How many blanks a dash stands deeper than the key above it.
    pub(super) dash: usize,
    /// Every key and text in double quotes, as JSON has it.
    pub(super) json: bool,
}

impl Style {
    /// The first nested map and the first list under a key set the habits of the document.
    pub(super) fn of(text: &str, root: &Node<'_>) -> Self {
        let newline = match text.find('\n') {
            Some(at) if at > 0 && text.as_bytes().get(at - 1) == Some(&b'\r') => "\r\n",
            _ => "\n",
        };
        let mut step = None;
        let mut dash = None;
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            if step.is_some() && dash.is_some() {
                break;
            }
            if let Some((nested, list)) = Self::under_keys(text, node) {
                step = step.or(nested);
                dash = dash.or(list);
            }
            nodes.extend(node.children().into_iter().rev());
        }
        Self {
            newline,
            step: step.unwrap_or(2),
            dash: dash.unwrap_or(0),
            json: is_json(root),
        }
    }

    /// The habits below `node`, where its own entries show them.
    pub(super) fn below(self, text: &str, node: &Node<'_>) -> Self {
        let (step, dash) = Self::under_keys(text, node).unwrap_or_default();
        Self {
            step: step.unwrap_or(self.step),
            dash: dash.unwrap_or(self.dash),
            ..self
        }
    }

    fn under_keys(text: &str, node: &Node<'_>) -> Option<(Option<usize>, Option<usize>)> {
        let Kind::Map { flow: false, entries } = &node.kind else {
            return None;
        };
        let own = column(text, entries.first()?.start);
        let mut habits = (None, None);
        for entry in entries {
            if !first_on_line(text, entry.value.start) {
                continue;
            }
            let deeper = column(text, entry.value.start).saturating_sub(own);
            match &entry.value.kind {
                Kind::Map { flow: false, .. } if deeper > 0 => habits.0 = habits.0.or(Some(deeper)),
                Kind::List { flow: false, .. } => habits.1 = habits.1.or(Some(deeper)),
                _ => {}
            }
        }
        Some(habits)
    }
}

/// A flow collection at the root whose first key or text is in double quotes.
fn is_json(root: &Node<'_>) -> bool {
    let mut node = root;
    loop {
        node = match &node.kind {
            Kind::Map { flow: true, entries } => match entries.first() {
                Some(entry) => &entry.key,
                None => return false,
            },
            Kind::List { flow: true, items } => match items.first() {
                Some(item) => &item.node,
                None => return false,
            },
            Kind::Scalar { style, .. } => return *style == ScalarStyle::Double && !std::ptr::eq(node, root),
            _ => return false,
        };
    }
}
