//! From the parser's events to nodes with byte positions.
//!
//! The parser tells where scalars and brackets stand. Dashes, colons and empty values are found between them.

use std::{borrow::Cow, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle as Style, Span, StrInput, StructureStyle, Tag, options};

use super::{
    node::{Anchor, Entry, Item, Kind, Node, Properties, ScalarStyle},
    parse::{Document, MAX_DEPTH, ParseError, Stream},
    text::{byte, skip_trivia},
};

/// Reads the parser's events, each with the place where its value may begin.
pub(super) struct Builder<'t> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    depth: usize,
}

/// A tag as the parser gives it.
type Props<'t> = Option<Cow<'t, Tag>>;

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let options = options! {
            emit_anchor_events: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        Self {
            text,
            events: Parser::new_from_str_with_options(text, options),
            depth: 0,
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), ParseError> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => Err(ParseError::at(e.marker().line(), &e.info())),
            None => Err(ParseError::at(1, "the text ends in the middle of a value")),
        }
    }

    pub(super) fn stream(mut self) -> Result<Stream<'t>, ParseError> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(explicit, _) => {
                    let range = bytes(&span)?;
                    let from = if explicit { range.end } else { range.start };
                    let (event, span) = self.next()?;
                    let root = self.node(event, &span, from)?;
                    let (_, end) = self.next()?;
                    documents.push(Document {
                        root,
                        closed: !bytes(&end)?.is_empty(),
                    });
                }
                _ => {}
            }
        }
        Ok(Stream {
            text: self.text,
            documents,
        })
    }

    fn node(&mut self, event: Event<'t>, span: &Span, from: usize) -> Result<Node<'t>, ParseError> {
        let line = span.start.line();
        match event {
            Event::Alias(id) => {
                let range = bytes(span)?;
                let name = self.text.get(range.start + 1..range.end).unwrap_or_default();
                let kind = Kind::Alias { id, name };
                Ok(Node {
                    kind,
                    properties: None,
                    from,
                    start: range.start,
                    end: range.end,
                    line,
                })
            }
            Event::Scalar(value, style, anchor, tag) => self.scalar((value, style), anchor, tag, span, from),
            Event::SequenceStart(style, anchor, tag) => {
                let mut node = self.collection(anchor, tag, span, from)?;
                self.list(&mut node, style == StructureStyle::Flow, span)?;
                Ok(node)
            }
            Event::MappingStart(style, anchor, tag) => {
                let mut node = self.collection(anchor, tag, span, from)?;
                self.map(&mut node, style == StructureStyle::Flow, span)?;
                Ok(node)
            }
            _ => Err(ParseError::at(line, "a value is missing")),
        }
    }

    /// A collection whose entries are still to be read.
    fn collection(&mut self, anchor: usize, tag: Props<'t>, span: &Span, from: usize) -> Result<Node<'t>, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::at(
                span.start.line(),
                &format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        let properties = self.properties(anchor, tag, span)?;
        let kind = Kind::List {
            flow: false,
            items: Vec::new(),
        };
        let start = bytes(span)?.start;
        Ok(Node {
            kind,
            properties,
            from,
            start,
            end: start,
            line: span.start.line(),
        })
    }

    fn scalar(
        &mut self,
        (value, style): (Cow<'t, str>, Style),
        anchor: usize,
        tag: Props<'t>,
        span: &Span,
        from: usize,
    ) -> Result<Node<'t>, ParseError> {
        let properties = self.properties(anchor, tag, span)?;
        let range = bytes(span)?;
        let style = match style {
            Style::Plain => ScalarStyle::Plain,
            Style::SingleQuoted => ScalarStyle::Single,
            Style::DoubleQuoted => ScalarStyle::Double,
            Style::Literal => ScalarStyle::Literal,
            Style::Folded => ScalarStyle::Folded,
        };
        let empty = style == ScalarStyle::Plain && range.is_empty();
        // The parser calls an empty plain scalar `~`.
        let value = if empty { Cow::Borrowed("") } else { value };
        let kind = Kind::Scalar { value, style };
        let mut node = Node {
            kind,
            properties,
            from,
            start: range.start,
            end: range.end,
            line: span.start.line(),
        };
        if empty {
            node.start = node.content_from();
            node.end = node.start;
        } else if style.is_block() {
            node.start = skip_trivia(self.text, node.content_from());
            node.end = self.block_scalar_end(node.start, &range);
        }
        Ok(node)
    }

    /// Without the line break of the last line. Blank lines at the end belong to the content only with `+`.
    fn block_scalar_end(&self, header: usize, content: &Range<usize>) -> usize {
        let head = self.text.get(header..content.start).unwrap_or_default();
        let head = head.lines().next().unwrap_or_default();
        let body = self.text.get(content.clone()).unwrap_or_default();
        let kept = if head.split('#').next().unwrap_or_default().contains('+') {
            body.strip_suffix("\r\n")
                .or_else(|| body.strip_suffix('\n'))
                .unwrap_or(body)
        } else {
            body.trim_end_matches(['\n', '\r', ' '])
        };
        if kept.is_empty() {
            header + head.trim_end_matches(['\r', '\n']).len()
        } else {
            content.start + kept.len()
        }
    }

    fn properties(
        &mut self,
        anchor: usize,
        tag: Props<'t>,
        span: &Span,
    ) -> Result<Option<Box<Properties<'t>>>, ParseError> {
        if anchor == 0 && tag.is_none() {
            return Ok(None);
        }
        let tag = match (tag, span.tag_span().and_then(|span| span.byte_range())) {
            (Some(tag), Some(range)) => Some((format!("{}{}", tag.handle(), tag.suffix()), range)),
            (Some(_), None) => return Err(ParseError::at(span.start.line(), "a tag without a place")),
            (None, _) => None,
        };
        let anchor = match anchor {
            0 => None,
            _ => match self.next()? {
                (Event::Anchor(id, name), span) => Some(Anchor {
                    id,
                    name,
                    span: bytes(&span)?,
                }),
                (_, span) => return Err(ParseError::at(span.start.line(), "an anchor without a name")),
            },
        };
        Ok(Some(Box::new(Properties { tag, anchor })))
    }

    fn list(&mut self, node: &mut Node<'t>, flow: bool, span: &Span) -> Result<(), ParseError> {
        let mut items: Vec<Item<'t>> = Vec::new();
        let mut at = if flow { bytes(span)?.end } else { node.content_from() };
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                node.end = if flow { bytes(&span)?.end } else { at };
                break;
            }
            let mut start = self.separator(at, flow);
            let from = if flow { start } else { start + 1 };
            let item = self.node(event, &span, from)?;
            if flow {
                start = item.outer_start();
            }
            at = item.end;
            items.push(Item { start, node: item });
        }
        if let (false, Some(first)) = (flow, items.first()) {
            node.start = first.start;
        }
        node.kind = Kind::List { flow, items };
        self.depth -= 1;
        Ok(())
    }

    fn map(&mut self, node: &mut Node<'t>, flow: bool, span: &Span) -> Result<(), ParseError> {
        let mut entries: Vec<Entry<'t>> = Vec::new();
        let mut at = if flow { bytes(span)?.end } else { node.content_from() };
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                node.end = if flow { bytes(&span)?.end } else { at };
                break;
            }
            let sign = self.separator(at, flow);
            let key = self.node(event, &span, sign)?;
            let colon = skip_trivia(self.text, key.end);
            let has_colon = byte(self.text, colon) == Some(b':');
            let (event, span) = self.next()?;
            let value = self.node(event, &span, if has_colon { colon + 1 } else { key.end })?;
            let start = sign.min(key.outer_start());
            at = value.end;
            let unusual = start != key.outer_start() || !has_colon;
            entries.push(Entry {
                start,
                key,
                value,
                unusual,
            });
        }
        if let (false, Some(first)) = (flow, entries.first()) {
            node.start = first.start;
        }
        node.kind = Kind::Map { flow, entries };
        self.depth -= 1;
        Ok(())
    }

    /// Where the next entry begins after `at`: past the comma in a flow collection.
    fn separator(&self, at: usize, flow: bool) -> usize {
        let next = skip_trivia(self.text, at);
        if flow && byte(self.text, next) == Some(b',') {
            skip_trivia(self.text, next + 1)
        } else {
            next
        }
    }
}

fn bytes(span: &Span) -> Result<Range<usize>, ParseError> {
    span.byte_range()
        .ok_or_else(|| ParseError::at(span.start.line(), "a value without a place"))
}
