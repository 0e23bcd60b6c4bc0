//! A process as it was written: a list of arguments, one string, or a mapping.

use super::node::{Node, Scalar, Value};
use super::reader::{Fields, Problems, RawText};
use super::vocabulary::{CONDITION_HTTP, CONDITIONS, PORT_KINDS, PROCESS, STDIN, names};
use crate::case::PortKind;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A process as it was written.
#[derive(Debug)]
pub(super) struct RawProcess {
    pub(super) span: Span,
    /// Never empty.
    pub(super) argv: Vec<RawText>,
    /// Whether `argv` was one string, split into words.
    pub(super) split: bool,
    pub(super) named: Option<RawText>,
    pub(super) cwd: Option<RawText>,
    pub(super) env: Vec<(RawText, RawText)>,
    pub(super) stdin: RawStdin,
    pub(super) listen: Vec<RawPort>,
    pub(super) reserve: bool,
    pub(super) ready: Option<RawCondition>,
}

#[derive(Debug)]
pub(super) enum RawStdin {
    Null,
    Text(RawText),
    File(RawText),
}

#[derive(Debug)]
pub(super) struct RawPort {
    pub(super) name: RawText,
    pub(super) kind: PortKind,
}

/// A condition of `ready` as it was written.
#[derive(Debug)]
pub(super) struct RawCondition {
    pub(super) span: Span,
    pub(super) kind: RawConditionKind,
}

#[derive(Debug)]
pub(super) enum RawConditionKind {
    Port(RawText),
    Http { port: Option<RawText>, path: RawText },
    Log(RawText),
    File(RawText),
    Exec(Vec<RawText>),
}

/// Reads what `operator` starts.
pub(super) fn read_process(node: &Node, operator: &str, problems: &Problems) -> Option<RawProcess> {
    if node.entries().is_none() {
        let (argv, split) = read_argv(node, operator, problems)?;
        return Some(RawProcess::plain(node.span, argv, split));
    }
    let fields = Fields::open(node, &format!("the mapping of `{operator}`"), &[PROCESS], problems)?;
    read_process_fields(node, fields, operator, problems)
}

/// Reads the keys that a process and an app share.
pub(super) fn read_process_fields(
    node: &Node,
    fields: Fields<'_>,
    operator: &str,
    problems: &Problems,
) -> Option<RawProcess> {
    let remedy = "name the program and its arguments: `argv: [python3, server.py]`";
    let argv = fields.require("argv", (node.span, &format!("`{operator}`")), remedy, problems)?;
    let (argv, split) = read_argv(argv, "argv", problems)?;
    let mut process = RawProcess::plain(node.span, argv, split);
    process.named = fields.get("as").and_then(|n| problems.string(n, "`as`")).filter(|(name, span)| {
        let good = !name.is_empty() && !name.contains(|c: char| c.is_control());
        if !good {
            problems.error(*span, "the name of a process must be a line of text");
        }
        good
    });
    process.cwd = fields.get("cwd").and_then(|n| problems.text(n, "`cwd`"));
    process.env = fields.get("env").map(|n| problems.text_map(n, "`env`")).unwrap_or_default();
    process.stdin = fields.get("stdin").map_or(RawStdin::Null, |n| read_stdin(n, problems));
    process.listen = fields.get("listen").map(|n| read_listen(n, problems)).unwrap_or_default();
    process.reserve = fields.get("reserve").and_then(|n| problems.boolean(n, "`reserve`")).unwrap_or(true);
    process.ready = fields.get("ready").and_then(|n| read_condition(n, problems));
    Some(process)
}

impl RawProcess {
    fn plain(span: Span, argv: Vec<RawText>, split: bool) -> Self {
        Self {
            span,
            argv,
            split,
            named: None,
            cwd: None,
            env: Vec::new(),
            stdin: RawStdin::Null,
            listen: Vec::new(),
            reserve: true,
            ready: None,
        }
    }
}

/// A list of arguments, or one string that is split into words as a POSIX shell would.
fn read_argv(node: &Node, what: &str, problems: &Problems) -> Option<(Vec<RawText>, bool)> {
    let (argv, split) = match &node.value {
        Value::Sequence(items) => {
            let read: Vec<_> =
                items.iter().filter_map(|n| problems.text(n, &format!("an argument of `{what}`"))).collect();
            if read.len() < items.len() {
                return None;
            }
            (read, false)
        }
        _ => {
            let (line, span) = problems.text(node, &format!("`{what}`"))?;
            let Some(words) = shlex::split(&line) else {
                problems.add(
                    Diagnostic::error(span, "a quote is never closed, or a backslash ends the string")
                        .help("write the arguments as a list: `[program, argument]`"),
                );
                return None;
            };
            (words.into_iter().map(|word| (word, span)).collect(), true)
        }
    };
    if argv.first().is_none_or(|(program, _)| program.is_empty()) {
        problems.add(
            Diagnostic::error(node.span, format!("`{what}` names no program")).help("write `[program, argument]`"),
        );
        return None;
    }
    Some((argv, split))
}

fn read_stdin(node: &Node, problems: &Problems) -> RawStdin {
    if node.entries().is_none() {
        return problems.text(node, "`stdin`").map_or(RawStdin::Null, RawStdin::Text);
    }
    let file = Fields::open(node, "`stdin`", &[STDIN], problems).and_then(|fields| {
        let remedy = "name one, relative to the manifest: `{file: input.txt}`";
        problems.text(fields.require("file", (node.span, "`stdin`"), remedy, problems)?, "`file`")
    });
    file.map_or(RawStdin::Null, RawStdin::File)
}

fn read_listen(node: &Node, problems: &Problems) -> Vec<RawPort> {
    let ports: Vec<_> = match (&node.value, node.scalar()) {
        (_, Some(Scalar::Int(number))) => {
            problems.add(numbered_port(node, number));
            Vec::new()
        }
        (Value::Sequence(items), _) => {
            let read = |item: &Node| {
                if let Some(Scalar::Int(number)) = item.scalar() {
                    problems.add(numbered_port(item, number));
                    return None;
                }
                Some(RawPort { name: problems.string(item, "a port's name")?, kind: PortKind::Auto })
            };
            items.iter().filter_map(read).collect()
        }
        (Value::Mapping(entries), _) => {
            let read = |e: &super::node::Entry| {
                Some(RawPort { name: (e.key.clone(), e.key_span), kind: read_port_kind(&e.node, problems)? })
            };
            entries.iter().filter_map(read).collect()
        }
        (_, Some(Scalar::Text(name))) => vec![RawPort { name: (name.to_owned(), node.span), kind: PortKind::Auto }],
        _ => problems.mismatch(node, "`listen`", "names of ports, such as `[http]`").unwrap_or_default(),
    };
    for (i, port) in ports.iter().enumerate() {
        let (name, span) = &port.name;
        let mut letters = name.chars();
        let good = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !good {
            problems.add(
                Diagnostic::error(*span, format!("`{name}` can't be the name of a port"))
                    .help("begin with a letter, go on with letters, digits, `_` and `-`"),
            );
        }
        if ports[..i].iter().any(|other| other.name.0 == *name) {
            problems.error(*span, format!("the port `{name}` is listed twice"));
        }
    }
    ports
}

fn numbered_port(node: &Node, number: i128) -> Diagnostic {
    Diagnostic::error(node.span, "`listen` names ports, it doesn't number them")
        .help(format!("write `{{http: {number}}}`"))
}

fn read_port_kind(node: &Node, problems: &Problems) -> Option<PortKind> {
    if let Some(Scalar::Int(number)) = node.scalar() {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        if port.is_none() {
            problems.add(
                Diagnostic::error(node.span, "a port's number is from 1 to 65535")
                    .help("write `auto` for one that is free"),
            );
        }
        return port.map(PortKind::Fixed);
    }
    if let Some(Scalar::Text(text)) = node.scalar().filter(|s| matches!(s, Scalar::Text(t) if t.parse::<u16>().is_ok()))
    {
        let problem = Diagnostic::error(node.span, format!("a port's number is a number, `{text}` is text"));
        problems.add(problem.help("leave the quotes out"));
        return None;
    }
    problems.word(node, "a port", PORT_KINDS).map(|i| [PortKind::Auto, PortKind::Fd, PortKind::Unix][i])
}

/// Reads a condition of `ready`.
pub(super) fn read_condition(node: &Node, problems: &Problems) -> Option<RawCondition> {
    let fields = Fields::open(node, "a condition", &[CONDITIONS], problems)?;
    let entries = node.entries().unwrap_or_default();
    let [entry] = entries else {
        let all: Vec<_> = names(CONDITIONS).collect();
        problems.add(
            Diagnostic::error(node.span, "a condition is one of its kinds")
                .help(format!("write `{{KIND: …}}` with one of: {}", all.join(", "))),
        );
        return None;
    };
    let (value, what) = (&entry.node, format!("`{}`", entry.key));
    let kind = match entry.key.as_str() {
        "port" => RawConditionKind::Port(problems.string(value, &what)?),
        "http" if value.entries().is_some() => {
            let fields = Fields::open(value, &what, &[CONDITION_HTTP], problems)?;
            let path =
                fields.require("path", (value.span, "`http`"), "write what is asked for: `path: /`", problems)?;
            RawConditionKind::Http {
                port: fields.get("port").and_then(|n| problems.string(n, "`port`")),
                path: problems.text(path, "`path`")?,
            }
        }
        "http" => RawConditionKind::Http { port: None, path: problems.text(value, &what)? },
        "log" => RawConditionKind::Log(problems.string(value, &what)?),
        "file" => RawConditionKind::File(problems.text(value, &what)?),
        _ => RawConditionKind::Exec(read_argv(value, "exec", problems)?.0),
    };
    // A key that is not one of the conditions was reported by `open`.
    fields.get(&entry.key).filter(|_| names(CONDITIONS).any(|name| name == entry.key))?;
    Some(RawCondition { span: node.span, kind })
}
