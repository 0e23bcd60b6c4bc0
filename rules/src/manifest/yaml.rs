//! Text to [`Node`]s: the one place that knows YAML.
//!
//! granit-parser gives events with byte positions and the style of each scalar. A tree is built from them by hand,
//! because only so can all of the contract's rules hold: unquoted scalars keep their source text, equal keys and `<<`
//! are errors with a place, aliases are bounded by what they expand to. JSON is read as the YAML that it is.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Entry, Node, Value};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, clamp};

/// No manifest nests deeper; it also keeps every recursion below from exhausting the stack.
const MAX_DEPTH: usize = 64;
/// Nodes after the expansion of aliases: ten thousand cases fit many times over, an alias bomb does not.
const MAX_NODES: usize = 2_000_000;
/// Bytes of scalars after the expansion of aliases.
const MAX_TEXT: usize = 256 << 20;
/// A larger file is not a manifest.
pub(super) const MAX_FILE: u64 = 64 << 20;

/// Reads one document.
///
/// # Errors
///
/// The first thing that is not YAML, or the first thing that no manifest may have (anchors that multiply, tags,
/// several documents); and, as a list, every repeated key and every merge key.
pub(super) fn parse(file: u32, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let substitute = Substitute::for_json(text);
    let options = granit_parser::options! {
        simple_key_max_lookahead: 1 << 20,
        flow_nesting_limit: 255,
        block_nesting_limit: 255,
        disallow_directives: false,
    };
    let readable = substitute.apply(text);
    let mut builder = Builder { file, length: clamp(text.len()), substitute: &substitute, ..Builder::new() };
    for event in Parser::new_from_str_with_options(readable.as_ref(), options) {
        match event {
            Ok((event, span)) => {
                let span = builder.span(&span.start, &span.end);
                builder.event(event, span).map_err(|e| vec![*e])?;
            }
            Err(error) => {
                let at = builder.span(error.marker(), error.marker());
                let problem = Diagnostic::error(at, format!("not valid YAML: {}", error.kind()));
                return Err(vec![with_hint(problem, text, at)]);
            }
        }
    }
    match builder.root {
        Some(root) if builder.problems.is_empty() => Ok(root),
        Some(_) => Err(builder.problems),
        None => {
            let empty = Diagnostic::error(Span { file, start: 0, end: 0 }, "the file is empty");
            Err(vec![empty.help("a manifest is a mapping that names cases: `testIt: [{run: [echo, hello]}]`")])
        }
    }
}

/// The two mistakes that make YAML unreadable most often deserve more than the scanner's words.
fn with_hint(problem: Diagnostic, text: &str, at: Span) -> Diagnostic {
    let start = text[..at.start as usize].rfind('\n').map_or(0, |i| i + 1);
    let line = text[start..].lines().next().unwrap_or("");
    if line.trim_start_matches(' ').starts_with('\t') {
        return problem.help("indent with spaces: YAML forbids tabs there");
    }
    if line.contains(": @") || line.contains(": `") || line.contains("- @") || line.contains("- `") {
        return problem.help("quote a text that begins with `@` or a backquote");
    }
    problem
}

/// What was begun and not yet ended.
enum Open {
    Sequence {
        start: Span,
        anchor: usize,
        items: Vec<Node>,
    },
    Mapping {
        start: Span,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(String, Span)>,
        seen: HashMap<String, Span>,
    },
}

struct Builder<'s> {
    file: u32,
    length: u32,
    substitute: &'s Substitute,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize, usize)>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    text: usize,
    problems: Vec<Diagnostic>,
}

impl<'s> Builder<'s> {
    fn new() -> Self {
        const NONE: &Substitute = &Substitute(Vec::new());
        Self {
            file: 0,
            length: 0,
            substitute: NONE,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            documents: 0,
            nodes: 0,
            text: 0,
            problems: Vec::new(),
        }
    }

    fn span(&self, start: &Marker, end: &Marker) -> Span {
        let offset = |marker: &Marker| clamp(marker.byte_offset().unwrap_or(0)).min(self.length);
        Span { file: self.file, start: offset(start), end: offset(end).max(offset(start)) }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Box::new(Diagnostic::error(span, "a second document begins here").help(
                        "a manifest is one document; put the other cases into a file of their own and `include` it",
                    )));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = self.untagged(tag.as_deref(), span)? && style == ScalarStyle::Plain;
                let text = self.substitute.undo(text.into_owned());
                let size = text.len();
                let node = Node { span, value: Value::Scalar { text, plain } };
                self.finish(node, anchor, 1, size)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), span)?;
                self.push(Open::Sequence { start: span, anchor, items: Vec::new() }, span)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), span)?;
                let mapping =
                    Open::Mapping { start: span, anchor, entries: Vec::new(), key: None, seen: HashMap::new() };
                self.push(mapping, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(id) => {
                let Some((node, nodes, text)) = self.anchors.get(&id).cloned() else {
                    return Err(Box::new(Diagnostic::error(span, "an alias can't stand inside of what it names")));
                };
                self.finish(Node { span, ..node }, 0, nodes, text)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the node has no tag; `!!str` and its like say what is known anyway, any other tag is refused.
    fn untagged(&self, tag: Option<&Tag>, span: Span) -> Result<bool, Box<Diagnostic>> {
        let Some(tag) = tag else { return Ok(true) };
        match (tag.handle(), tag.suffix()) {
            ("tag:yaml.org,2002:" | "!!", "str") | ("", "!") | ("!", "") => Ok(false),
            ("tag:yaml.org,2002:" | "!!", "int" | "float" | "bool" | "null" | "map" | "seq") => Ok(true),
            _ => Err(Box::new(
                Diagnostic::error(span, "tags have no meaning in a manifest").help("leave the `!tag` out"),
            )),
        }
    }

    fn push(&mut self, open: Open, span: Span) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(Diagnostic::error(span, format!("nested deeper than {MAX_DEPTH} levels"))));
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Box<Diagnostic>> {
        // The scanner closes what it opened; an unbalanced stream is its error, reported before.
        let (start, anchor, value) = match self.open.pop() {
            Some(Open::Sequence { start, anchor, items }) => (start, anchor, Value::Sequence(items)),
            Some(Open::Mapping { start, anchor, entries, .. }) => (start, anchor, Value::Mapping(entries)),
            None => return Ok(()),
        };
        let last = match &value {
            Value::Sequence(items) => items.last().map(|n| n.span.end),
            Value::Mapping(entries) => entries.last().map(|e| e.node.span.end),
            Value::Scalar { .. } => None,
        };
        // A block collection ends where its last member does, not at the next token's indentation.
        let end = if end.end > end.start { end.end } else { last.unwrap_or(end.end) };
        let span = Span { end: end.max(start.start), ..start };
        self.finish(Node { span, value }, anchor, 1, 0)
    }

    /// Puts a complete node where it belongs, and remembers it when it has an anchor.
    fn finish(&mut self, node: Node, anchor: usize, nodes: usize, text: usize) -> Result<(), Box<Diagnostic>> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > MAX_NODES || self.text > MAX_TEXT {
            return Err(Box::new(
                Diagnostic::error(node.span, "the manifest is too large once its aliases are expanded")
                    .help(format!("at most {MAX_NODES} values; write the manifest with fewer repeated `*aliases`")),
            ));
        }
        if anchor != 0 {
            let (nodes, text) = measure(&node);
            self.anchors.insert(anchor, (node.clone(), nodes, text));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, seen, .. }) => match key.take() {
                Some((name, key_span)) => entries.push(Entry { key: name, key_span, node }),
                None => {
                    let span = node.span;
                    let Value::Scalar { text, plain } = node.value else {
                        return Err(Box::new(Diagnostic::error(span, "a key must be text, not a list or a mapping")));
                    };
                    if text == "<<" && plain {
                        self.problems.push(
                            Diagnostic::error(span, "`<<` (a merge key) is not part of YAML 1.2")
                                .help("name the keys, or use `vars`, `env` or `include` to share them"),
                        );
                    } else if let Some(first) = seen.insert(text.clone(), span) {
                        self.problems.push(
                            Diagnostic::error(span, format!("the key `{text}` stands here twice"))
                                .related(first, "first here")
                                .help("rename or remove one of them"),
                        );
                    }
                    *key = Some((text, span));
                }
            },
        }
        Ok(())
    }
}

/// How many nodes and bytes of text an alias of this node brings in.
fn measure(node: &Node) -> (usize, usize) {
    let sum = |parts: &mut dyn Iterator<Item = (usize, usize)>| parts.fold((1, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    match &node.value {
        Value::Scalar { text, .. } => (1, text.len()),
        Value::Sequence(items) => sum(&mut items.iter().map(measure)),
        Value::Mapping(entries) => sum(&mut entries.iter().map(|e| {
            let (nodes, text) = measure(&e.node);
            (nodes + 1, text + e.key.len())
        })),
    }
}

/// JSON allows a few characters raw that YAML readers refuse (U+007F, U+FFFE, U+FFFF, C1 controls).
///
/// In a JSON document they stand in for themselves as private-use characters of the same length that the text does not
/// have, so that every position stays true.
struct Substitute(Vec<(char, char)>);

impl Substitute {
    fn for_json(text: &str) -> Self {
        if !text.trim_start().starts_with('{') {
            return Self(Vec::new());
        }
        let mut refused: Vec<char> =
            text.chars().filter(|c| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')).collect();
        refused.sort_unstable();
        refused.dedup();
        let mut free = [1, 2, 3].map(|length| {
            let range = match length {
                1 => '\u{20}'..='\u{7e}',
                2 => '\u{a1}'..='\u{7ff}',
                _ => '\u{e000}'..='\u{f8ff}',
            };
            range.filter(|c| !text.contains(*c) && c.is_alphanumeric() | (length == 3)).collect::<Vec<_>>()
        });
        Self(refused.into_iter().filter_map(|c| free[c.len_utf8() - 1].pop().map(|stand_in| (c, stand_in))).collect())
    }

    fn apply<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        if self.0.is_empty() {
            return text.into();
        }
        let swap = |c| self.0.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
        text.chars().map(swap).collect::<String>().into()
    }

    fn undo(&self, text: String) -> String {
        if self.0.is_empty() {
            return text;
        }
        let swap = |c| self.0.iter().find(|(_, to)| *to == c).map_or(c, |(from, _)| *from);
        text.chars().map(swap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> String {
        let problems = parse(0, text).expect_err("this must not load");
        problems.into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn scalars_keep_their_source_text_and_style() {
        let node = parse(0, "a: [0644, '0644', \"x\\n\", !!str 5]").expect("valid");
        let items = node.entries().expect("mapping")[0].node.items().expect("list");
        let shown: Vec<_> = items
            .iter()
            .map(|n| match &n.value {
                Value::Scalar { text, plain } => (text.as_str(), *plain),
                _ => panic!("not a scalar"),
            })
            .collect();
        assert_eq!(shown, [("0644", true), ("0644", false), ("x\n", false), ("5", false)]);
        assert_eq!((items[1].span.start, items[1].span.end), (10, 16));
    }

    #[test]
    fn what_a_manifest_may_not_have_is_refused() {
        assert_eq!(
            errors("a: 1\na: 2\nb:\n  c: 1\n  c: 2"),
            "the key `a` stands here twice; the key `c` stands here twice"
        );
        assert!(errors("a: &x {b: 1}\nc:\n  <<: *x").contains("merge key"));
        assert!(errors("a: 1\n---\nb: 2").contains("second document"));
        assert!(errors("a: !thing 1").contains("tags"));
        assert!(errors("? [a]\n: 1").contains("a key must be text"));
        assert!(errors("").contains("empty"));
        assert!(errors("a:\n\t- b").contains("not valid YAML"));
        assert!(errors(&"[".repeat(20_000)).contains("too deep"), "{}", errors(&"[".repeat(20_000)));
        assert!(errors("a: &a [*a]").contains("inside"));
    }

    #[test]
    fn an_alias_bomb_is_refused_quickly() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(errors(&bomb).contains("too large"));
    }

    #[test]
    fn json_keeps_the_characters_that_yaml_readers_refuse() {
        let text = "{\"a\": \"\u{7f}\u{85}\u{fffe}\u{ffff}😀\\ud83d\\ude00\", \"b\": 1}";
        let node = parse(0, text).expect("valid JSON");
        let entries = node.entries().expect("mapping");
        let Value::Scalar { text, .. } = &entries[0].node.value else { panic!("not a scalar") };
        assert_eq!(text, "\u{7f}\u{85}\u{fffe}\u{ffff}😀😀");
        assert_eq!(entries[1].key_span.start as usize, node.span.end as usize - 7);
    }
}
