//! Text to [`Node`]s: the one place that knows YAML.
//!
//! granit-parser gives events with byte positions and the style of each scalar. A tree is built from them by hand,
//! because only so can all of the contract's rules hold: unquoted scalars keep their source text, equal keys and `<<`
//! are errors with a place, aliases are bounded by what they expand to. JSON is read as the YAML that it is.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Entry, Node, Value};
use super::substitute::Substitute;
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

/// Reads one document, as far as it can be read, and tells what is wrong with it; no node when there is nothing in it.
///
/// What no manifest may have (equal keys, merge keys, tags) is left out, so that everything else is looked at as well.
pub(super) fn parse(file: u32, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let (substitute, readable) = Substitute::for_json(text);
    let options = granit_parser::options! {
        simple_key_max_lookahead: 1 << 20,
        flow_nesting_limit: 255,
        block_nesting_limit: 255,
        disallow_directives: false,
    };
    let mut builder = Builder::new(file, text, &substitute);
    for event in Parser::new_from_str_with_options(readable.as_ref(), options) {
        match event {
            Ok((event, span)) => {
                let span = builder.span(&span.start, &span.end);
                if let Err(problem) = builder.event(event, span) {
                    builder.problems.push(*problem);
                    break;
                }
            }
            Err(error) => {
                let at = builder.span(error.marker(), error.marker());
                let problem = builder.unreadable(error.kind(), at);
                builder.problems.push(problem);
                break;
            }
        }
    }
    (builder.root.filter(|root| !root.is_null()), builder.problems)
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(span, format!("nested deeper than {MAX_DEPTH} levels"))
        .help("no manifest needs that; is a bracket missing?")
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
        /// The key whose value comes next; `Some(None)` for one that is left out.
        key: Option<Option<(String, Span)>>,
        seen: HashMap<String, Span>,
    },
}

struct Builder<'s> {
    file: u32,
    source: &'s str,
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
    fn new(file: u32, source: &'s str, substitute: &'s Substitute) -> Self {
        Self {
            file,
            source,
            substitute,
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
        let offset = |marker: &Marker| {
            let offset = marker.byte_offset().unwrap_or(0);
            clamp(self.substitute.original(offset).min(self.source.len()))
        };
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
                let tagged = self.allow_tag(tag.as_deref(), "str", span);
                let plain = style == ScalarStyle::Plain && !tagged;
                let text = self.substitute.undo(text.into_owned());
                let size = text.len();
                let node = Node { span, value: Value::Scalar { text, plain } };
                self.finish(node, anchor, 1, size)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.allow_tag(tag.as_deref(), "seq", span);
                self.push(Open::Sequence { start: span, anchor, items: Vec::new() }, span)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.allow_tag(tag.as_deref(), "map", span);
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

    /// Whether the node has the tag that says what it is anyway: `!!str` makes a scalar text. Any other is an error.
    fn allow_tag(&mut self, tag: Option<&Tag>, own: &str, span: Span) -> bool {
        let Some(tag) = tag else { return false };
        match (tag.handle(), tag.suffix()) {
            ("tag:yaml.org,2002:" | "!!", suffix) if suffix == own => return true,
            ("", "!") | ("!", "") => return true,
            _ => {}
        }
        // The span is the value's; its tag stands before it.
        let before = self.source.get(..span.start as usize).unwrap_or("").trim_end();
        let start = before.rfind([' ', '\n', '\t', ',', '[', '{']).map_or(0, |at| at + 1);
        let tag_span = Span { start: clamp(start), end: clamp(before.len()), ..span };
        let place = if before[start..].starts_with('!') { tag_span } else { span };
        self.problems.push(
            Diagnostic::error(place, "tags have no meaning in a manifest")
                .help("leave it out; what is in quotes is text, what is not is read by the core schema of YAML 1.2"),
        );
        false
    }

    /// The mistakes that make YAML unreadable most often deserve more than the scanner's words.
    fn unreadable(&self, kind: &ErrorKind, at: Span) -> Diagnostic {
        match kind {
            ErrorKind::RecursionLimitExceeded => return too_deep(at),
            ErrorKind::UnknownAnchor => {
                return Diagnostic::error(at, "no anchor of this name stands before this alias")
                    .help("name one with `&`; a text that begins with `*` needs quotes");
            }
            _ => {}
        }
        let problem = Diagnostic::error(at, format!("not valid YAML: {kind}"));
        let start = self.source[..at.start as usize].rfind('\n').map_or(0, |i| i + 1);
        let line = self.source[start..].lines().next().unwrap_or("");
        let begins = |c: char| [": ", "- ", "[", ", "].iter().any(|before| line.contains(&format!("{before}{c}")));
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[..indent].contains('\t') {
            return problem.help("indent with spaces: YAML forbids tabs there");
        }
        if let Some(c) = ['@', '`', '%'].into_iter().find(|c| begins(*c)) {
            return problem.help(format!("quote a text that begins with `{c}`"));
        }
        let (before, after) = self.source.split_at(at.start as usize);
        let unrelated = matches!(kind, ErrorKind::UnclosedQuotedScalar | ErrorKind::UnexpectedCharacter { .. });
        match self.open_bracket() {
            Some(_) if before.ends_with('$') && after.starts_with('{') => {
                problem.help("within brackets a text with `${…}` in it needs quotes")
            }
            Some(bracket) if bracket.start != at.start && !unrelated => problem
                .related(bracket, "this bracket is still open")
                .help("close it, or quote the text that it belongs to"),
            None if after.starts_with(": ") => problem.help("a text with `: ` in it needs quotes"),
            _ => problem,
        }
    }

    /// The innermost bracket that is not closed.
    fn open_bracket(&self) -> Option<Span> {
        let start = match self.open.last()? {
            Open::Sequence { start, .. } | Open::Mapping { start, .. } => *start,
        };
        let bracket = Span { end: start.start + 1, ..start };
        let written = self.source.get(bracket.start as usize..bracket.end as usize)?;
        matches!(written, "[" | "{").then_some(bracket)
    }

    fn push(&mut self, open: Open, span: Span) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep(span)));
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
        if anchor != 0 {
            // What has an anchor is kept a second time.
            let (nodes, text) = measure(&node);
            self.nodes += nodes;
            self.text += text;
            self.anchors.insert(anchor, (node.clone(), nodes, text));
        }
        if self.nodes > MAX_NODES || self.text > MAX_TEXT {
            return Err(Box::new(
                Diagnostic::error(node.span, "the manifest is too large once its aliases are expanded")
                    .help(format!("at most {MAX_NODES} values; write the manifest with fewer repeated `*aliases`")),
            ));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, seen, .. }) => match key.take() {
                Some(Some((name, key_span))) => entries.push(Entry { key: name, key_span, node }),
                Some(None) => {}
                None => {
                    let span = node.span;
                    let read = match node.value {
                        Value::Scalar { text, plain: true } if text == "<<" => {
                            Err(Diagnostic::error(span, "`<<` (a merge key) is not part of YAML 1.2")
                                .help("name the keys, or use `vars`, `env` or `include` to share them"))
                        }
                        Value::Scalar { text, .. } => match seen.insert(text.clone(), span) {
                            None => Ok((text, span)),
                            Some(first) => Err(Diagnostic::error(span, format!("the key `{text}` stands here twice"))
                                .related(first, "first here")
                                .help("rename or remove one of them")),
                        },
                        _ => Err(Diagnostic::error(span, "a key must be text, not a list or a mapping")
                            .help("write `KEY: VALUE`; a text that begins with `[` or `{` needs quotes")),
                    };
                    *key = Some(match read {
                        Ok(read) => Some(read),
                        Err(problem) => {
                            self.problems.push(problem);
                            None
                        }
                    });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> String {
        parse(0, text).1.into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn scalars_keep_their_source_text_and_style() {
        let node = parse(0, "a: [0644, '0644', \"x\\n\", !!str 5]").0.expect("a mapping");
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
        assert!(errors("a: !!int '5'").contains("tags"));
        assert!(errors("a:\n\t- b").contains("not valid YAML"));
        assert!(errors(&"[".repeat(20_000)).contains("nested deeper"));
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
        let node = parse(0, text).0.expect("a mapping");
        let entries = node.entries().expect("mapping");
        let Value::Scalar { text, .. } = &entries[0].node.value else { panic!("not a scalar") };
        assert_eq!(text, "\u{7f}\u{85}\u{fffe}\u{ffff}😀😀");
        assert_eq!(entries[1].key_span.start as usize, node.span.end as usize - 7);
    }
}
