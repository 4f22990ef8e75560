//! One value in the place of another.

use serde_json::Value;

use super::{
    super::{
        EditError,
        node::{Node, ScalarStyle},
        render,
        scalar::{self, STR_TAG},
        style::Style,
        text::{first_on_line, line_end, same_line},
    },
    Emitter, Place, unsupported,
};

impl Emitter<'_> {
    pub(super) fn replace(
        &mut self,
        node: &Node<'_>,
        value: &Value,
        place: Place,
        style: Style,
    ) -> Result<(), EditError> {
        let is_text_for_text = node.scalar().is_some() && value.is_string();
        if node
            .tag_text()
            .is_some_and(|tag| !is_text_for_text || !matches!(tag, STR_TAG | "!"))
        {
            return Err(unsupported(node, "a value with a tag such as !!int"));
        }
        if matches!(place, Place::Root) && node.is_nothing() {
            self.fill_document(node, value, style);
        } else if render::needs_lines(value) && !matches!(place, Place::Flow) && !style.json {
            self.replace_by_lines(node, value, place, style);
        } else {
            self.replace_inline(node, value, place, style);
        }
        Ok(())
    }

    /// A document of nothing gets its content below its marker and comments.
    fn fill_document(&mut self, node: &Node<'_>, value: &Value, style: Style) {
        let text = render::block(value, 0, style);
        if self.open_ended {
            let bare = self.text.trim_start_matches('\u{feff}');
            let newline = if bare.is_empty() || bare.ends_with('\n') {
                ""
            } else {
                style.newline
            };
            self.splices
                .insert(self.text.len(), format!("{newline}{text}{}", style.newline));
        } else {
            self.splices
                .insert(line_end(self.text, node.start), format!("{}{text}", style.newline));
        }
    }

    fn replace_by_lines(&mut self, node: &Node<'_>, value: &Value, place: Place, style: Style) {
        let from = node.content_from();
        let on_line = same_line(self.text, from, node.start);
        let indent = match place {
            Place::Root | Place::Flow => 0,
            Place::Under(column) if value.is_array() => column + style.dash,
            Place::Under(column) => column + style.step,
            Place::Item(column, width) => column + width,
        };
        let text = render::block(value, indent, style);
        let lines = format!("{}{}{text}", style.newline, " ".repeat(indent));
        // What is behind a list or map on its last line was about that line; behind a scalar it is about the whole value.
        let end = if node.is_block_collection() {
            line_end(self.text, node.end)
        } else {
            node.end
        };
        let comment = !self
            .text
            .get(end..line_end(self.text, end))
            .unwrap_or_default()
            .trim()
            .is_empty();
        match place {
            Place::Root if first_on_line(self.text, node.start) && !comment => {
                self.splices.replace(node.start..end, text);
            }
            Place::Item(_, width) if node.is_nothing() && !comment => {
                self.splices
                    .insert(node.start, format!("{}{text}", " ".repeat(width - 1)));
            }
            Place::Item(..) if on_line && !comment => self.splices.replace(node.start..end, text),
            _ if on_line => {
                self.splices.delete(from..end);
                self.splices.insert(line_end(self.text, end), lines);
            }
            Place::Root => {
                self.splices.delete(node.start..end);
                self.splices.insert(line_end(self.text, end), lines);
            }
            _ => self
                .splices
                .replace(line_end(self.text, from)..line_end(self.text, end), lines),
        }
    }

    fn replace_inline(&mut self, node: &Node<'_>, value: &Value, place: Place, style: Style) {
        if let (true, Value::String(text)) = (node.is_block_scalar(), value)
            && let Some(block) = self.rewrite_block_scalar(node, text, place, style)
        {
            self.splices.replace(node.start..node.end, block);
            return;
        }
        let text = match (value, node.scalar()) {
            (Value::String(text), Some((_, quotes @ (ScalarStyle::Single | ScalarStyle::Double)))) => {
                scalar::write_text(text, quotes, matches!(place, Place::Flow))
            }
            // The tag says already that it is a text.
            (Value::String(text), Some(_)) if node.tag_text() == Some(STR_TAG) => {
                scalar::write_tagged(text, matches!(place, Place::Flow))
            }
            _ => render::inline(value, matches!(place, Place::Flow), style),
        };
        let from = node.content_from();
        if node.is_nothing() {
            self.splices.insert(node.start, format!(" {text}"));
        } else if node.is_block_collection() && !same_line(self.text, from, node.start) && !matches!(place, Place::Root)
        {
            self.splices.insert(from, format!(" {text}"));
            self.splices.delete(line_end(self.text, from)..node.end);
        } else {
            self.splices.replace(node.start..node.end, text);
        }
    }

    /// The scalar with its sign, header comment and indentation, and new lines.
    fn rewrite_block_scalar(&self, node: &Node<'_>, text: &str, place: Place, style: Style) -> Option<String> {
        let (header, lines) = scalar::literal(text)?;
        let old = self.text.get(node.start..node.end)?;
        let (head, body) = old.split_at(line_end(old, 0));
        let comment = head.find([' ', '\t']).map_or("", |at| &head[at..]);
        let indent = match body.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => line.len() - line.trim_start_matches(' ').len(),
            None => match place {
                Place::Root | Place::Flow => style.step,
                Place::Under(column) => column + style.step,
                Place::Item(column, width) => column + width,
            },
        };
        // A folded text of several lines would need its line breaks doubled.
        let header = if head.starts_with('>') && lines.len() == 1 {
            header.replace('|', ">")
        } else {
            header.to_owned()
        };
        Some(render::block_scalar(
            &format!("{header}{comment}"),
            &lines,
            indent,
            style,
        ))
    }
}
