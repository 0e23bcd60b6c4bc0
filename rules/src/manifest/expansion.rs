//! Bounds on values that speak of values.

use super::node::Node;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// No variable needs to speak of variables that deep; it keeps the recursion from exhausting the stack.
const MAX_DEPTH: usize = 32;
/// Variables that one value may be filled with.
const MAX_FILLED: usize = 10_000;
/// Bytes that variables may bring into one value.
const MAX_TEXT: usize = 1 << 20;

/// Keeps values that speak of values from doing so without end.
#[derive(Default)]
pub(super) struct Expansion {
    /// The variables that are being filled in.
    pub(super) open: Vec<String>,
    /// How many have been filled in.
    filled: usize,
    /// Bytes of text that they brought.
    pub(super) text: usize,
    /// Whether it was too much; that is told once.
    pub(super) exhausted: bool,
}

impl Expansion {
    /// Begins to fill in the variable `name`, which is set by `node` and spoken of at `span`.
    pub(super) fn enter(&mut self, name: &str, node: &Node, span: Span) -> Result<(), Diagnostic> {
        let refuse = |message: String| Err(Diagnostic::error(span, message).related(node.span, "it is set here"));
        if self.open.iter().any(|outer| outer == name) {
            return refuse(format!("the variable `{name}` speaks of itself"));
        }
        if self.open.len() >= MAX_DEPTH {
            return refuse(format!("variables speak of one another more than {MAX_DEPTH} levels deep"));
        }
        self.filled += 1;
        if self.filled > MAX_FILLED || self.text > MAX_TEXT {
            self.exhausted = true;
            return refuse(format!("too much text once its variables are filled in (`{name}` is one of them)"));
        }
        self.open.push(name.to_owned());
        Ok(())
    }
}
