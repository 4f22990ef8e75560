//! All values of a text in their order, each with the way to it, and the comments that hold a word with the value that they
//! stand behind.

use std::collections::HashMap;

use super::{
    node::{Kind, Node},
    parse::Stream,
    path::{Path, Step, is_merge, key_text},
    text::{line_end, line_start},
};

/// The values of a text; a value is known by its number, from 0.
#[derive(Debug)]
pub struct Walk<'d, 't> {
    stream: &'d Stream<'t>,
    places: Vec<Place<'d, 't>>,
    numbers: HashMap<*const Node<'t>, usize>,
}

/// One value, and how it is reached from the one that holds it.
#[derive(Debug)]
struct Place<'d, 't> {
    document: usize,
    node: &'d Node<'t>,
    way: Way<'d, 't>,
}

#[derive(Debug, Clone, Copy)]
enum Way<'d, 't> {
    Root,
    Entry(usize, &'d Node<'t>),
    Item(usize, usize),
}

/// A comment, and the value that it stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment<'t> {
    /// What follows the `#`, up to the end of the line.
    pub text: &'t str,
    /// The line, counted from 1.
    pub line: usize,
    /// The number of the last single value on its line; `None` when there is none in front of it.
    pub value: Option<usize>,
}

impl<'d, 't> Walk<'d, 't> {
    /// Goes through all documents of `stream`.
    pub fn new(stream: &'d Stream<'t>) -> Self {
        let mut walk = Self {
            stream,
            places: Vec::new(),
            numbers: HashMap::new(),
        };
        for (document, root) in stream.documents().iter().enumerate() {
            walk.visit(document, root.root(), Way::Root);
        }
        walk
    }

    fn visit(&mut self, document: usize, node: &'d Node<'t>, way: Way<'d, 't>) {
        let number = self.places.len();
        self.places.push(Place { document, node, way });
        self.numbers.insert(std::ptr::from_ref(node), number);
        match &node.kind {
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
            Kind::List { items, .. } => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(document, &item.node, Way::Item(number, index));
                }
            }
            Kind::Map { entries, .. } => {
                for entry in entries {
                    self.visit(document, &entry.value, Way::Entry(number, &entry.key));
                }
            }
        }
    }

    /// All values.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, &'d Node<'t>)> {
        self.places.iter().map(|place| place.node).enumerate()
    }

    /// The value with this number.
    pub fn node(&self, number: usize) -> Option<&'d Node<'t>> {
        self.places.get(number).map(|place| place.node)
    }

    /// The document, counted from 0, that holds this value.
    pub fn document_of(&self, number: usize) -> Option<usize> {
        self.places.get(number).map(|place| place.document)
    }

    /// The number of a node of this text.
    pub fn number_of(&self, node: &Node<'t>) -> Option<usize> {
        self.numbers.get(&std::ptr::from_ref(node)).copied()
    }

    /// The key under which the value stands; `None` in a list, for a merge key, and for a key that is no text.
    pub fn key_of(&self, number: usize) -> Option<String> {
        match self.places.get(number)?.way {
            Way::Entry(_, key) if !is_merge(key) => key_text(key),
            _ => None,
        }
    }

    /// The way to the value; `None` when no path leads there, because a key on the way is no text, or another one that is
    /// equal comes first.
    pub fn path_to(&self, number: usize) -> Option<Path> {
        let place = self.places.get(number)?;
        let mut steps = Vec::new();
        let mut at = place;
        loop {
            let above = match at.way {
                Way::Root => break,
                Way::Entry(above, _) => {
                    steps.push(Step::Key(self.key_of(self.number_of(at.node)?)?));
                    above
                }
                Way::Item(above, index) => {
                    steps.push(Step::Index(index));
                    above
                }
            };
            at = self.places.get(above)?;
        }
        steps.reverse();
        let path = Path::from(steps);
        let found = self.stream.documents().get(place.document)?.locate(&path)?;
        std::ptr::eq(found, place.node).then_some(path)
    }

    /// The comments that hold `word`, in their order.
    pub fn comments_with(&self, word: &str) -> Vec<Comment<'t>> {
        let text = self.stream.text;
        let mut comments: Vec<Comment<'t>> = Vec::new();
        let mut marks = None;
        let (mut line, mut counted, mut done) = (1, 0, 0);
        for (at, _) in text.match_indices(word) {
            if at < done {
                continue;
            }
            let marks = marks.get_or_insert_with(|| self.marks());
            let Some((hash, value)) = comment_at(text, marks, at) else {
                continue;
            };
            done = line_end(text, at);
            line += text[counted..at].matches('\n').count();
            counted = at;
            comments.push(Comment {
                text: text.get(hash + 1..done).unwrap_or_default(),
                line,
                value,
            });
        }
        comments
    }

    /// Where scalars and aliases stand, in the order of the text; of keys without their number.
    fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (number, place) in self.places.iter().enumerate() {
            if let Way::Entry(_, key) = place.way {
                marks.extend(Mark::of(self.stream.text, key, None));
            }
            marks.extend(Mark::of(self.stream.text, place.node, Some(number)));
        }
        marks.sort_by_key(|mark| mark.start);
        marks
    }
}

/// The bytes of a scalar or alias.
struct Mark {
    start: usize,
    /// One past the last byte on the line on which a comment can follow: of a block scalar its header.
    end: usize,
    /// One past the last byte.
    last: usize,
    value: Option<usize>,
}

impl Mark {
    fn of(text: &str, node: &Node<'_>, value: Option<usize>) -> Option<Self> {
        if !matches!(node.kind, Kind::Scalar { .. } | Kind::Alias { .. }) {
            return None;
        }
        let head = text.get(node.start..node.end).unwrap_or_default();
        let end = if node.is_block_scalar() {
            node.start + head.find(char::is_whitespace).unwrap_or(head.len())
        } else {
            node.end
        };
        Some(Self {
            start: node.start,
            end,
            last: node.end,
            value,
        })
    }
}

/// Where the comment with the byte `at` begins, and the value that it stands behind; `None` when it is no comment.
fn comment_at(text: &str, marks: &[Mark], at: usize) -> Option<(usize, Option<usize>)> {
    let before = &marks[..marks.partition_point(|mark| mark.start <= at)];
    let line = line_start(text, at);
    let mut from = line;
    let mut value = None;
    if let Some(mark) = before.last() {
        if at < mark.end || (line > mark.start && at < mark.last) {
            return None;
        }
        if mark.end >= line {
            from = mark.end;
            value = mark.value;
        }
    }
    let between = text.get(from..at)?;
    let opens = |(index, _): &(usize, &str)| {
        let before = text[..from + index].bytes().last();
        before.is_none_or(|byte| byte.is_ascii_whitespace() || byte == 0xbf)
    };
    let (index, _) = between.match_indices('#').find(opens)?;
    Some((from + index, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_last_value_of_its_line() {
        for (text, expected) in [
            ("a: 1 # W\n", Some("1")),
            ("a: {b: 1, c: 2} # W\n", Some("2")),
            ("a: [x, 'y'] # W\n", Some("y")),
            ("a: {\n  b: 1, # W\n  c: 2\n}\n", Some("1")),
            ("- x # W\n- y\n", Some("x")),
            ("a: # W\n", Some("")),
            ("a: | # W\n  text\n", Some("text\n")),
            ("a: \"x\\\n  y\" # W\n", Some("xy")),
            ("b: &n 1\na: *n # W\n", None),
            ("a: # W\n  b: 1\n", None),
            ("# W\na: 1\n", None),
            ("a: 1\n# W\n", None),
            ("a: {\n  b: 1\n} # W\n", None),
            ("--- # W\na: 1\n", None),
            ("\u{feff}# W\na: 1\n", None),
        ] {
            let stream = Stream::parse(text).unwrap();
            let walk = Walk::new(&stream);
            let found = walk.comments_with("W");
            assert_eq!(found.len(), 1, "{text:?} {found:?}");
            assert_eq!(found[0].text, " W", "{text:?}");
            let value = found[0].value.map(|number| walk.places[number].node);
            assert_eq!(value.and_then(Node::text), expected, "{text:?}");
            let line = text[..text.find('W').unwrap()].matches('\n').count() + 1;
            assert_eq!(found[0].line, line, "{text:?}");
        }
        let alias = Stream::parse("b: &n 1\na: *n # W\n").unwrap();
        assert_eq!(Walk::new(&alias).comments_with("W")[0].value, Some(2));
    }

    #[test]
    fn what_stands_in_a_text_is_no_comment() {
        for text in [
            "a: 'x # W'\n",
            "a: |\n  x # W\n  y\n",
            "a: x#W\n",
            "'a # W': 1\n",
            "a: W\n",
            "a: >-\n\n  # W\nb: 1\n",
        ] {
            let stream = Stream::parse(text).unwrap();
            assert_eq!(Walk::new(&stream).comments_with("W"), [], "{text:?}");
        }
    }

    #[test]
    fn a_way_leads_back_to_its_value_or_there_is_none() {
        let text = "a: [1, {b: 2}]\n? [x]\n: 3\n<<: {c: 4}\nd: 5\nd: 6\n---\n7\n";
        let stream = Stream::parse(text).unwrap();
        let walk = Walk::new(&stream);
        let ways: Vec<_> = walk
            .nodes()
            .filter_map(|(number, node)| Some((node.text()?, walk.path_to(number).map(|path| path.to_string()))))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            ways,
            [
                ("1", some("a[0]")),
                ("2", some("a[1].b")),
                ("3", None),
                ("4", None),
                ("5", some("d")),
                ("6", None),
                ("7", some("the document")),
            ]
        );
        let last = walk.nodes().last().map(|(number, _)| number).unwrap();
        assert_eq!((walk.document_of(last), walk.key_of(last)), (Some(1), None));
    }
}
