//! What is wrong with a manifest, where, and what to write instead.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::{Sources, Span};

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The manifest can't be run.
    Error,
    /// A lint: it can be run, but surely not as meant.
    Warning,
}

/// One message about one place.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// Where the caret goes.
    pub span: Span,
    /// A word at the caret; may be empty.
    pub label: String,
    /// Another place that matters, with a word about it.
    pub related: Option<Box<(Span, String)>>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Error, message, span, label: String::new(), related: None, help: None }
    }

    /// A lint at `span`.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// Adds a word at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((span, label.into())));
        self
    }

    /// The message with the source line, a caret and the remedy, as rustc would show it.
    #[must_use]
    pub fn render(&self, sources: &Sources, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = group(level, &self.message, sources, self.span, &self.label);
        if let Some(related) = &self.related {
            group = group.element(snippet(sources, related.0, &related.1, AnnotationKind::Context));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer(colour).render(&[group])
    }
}

/// The source line of `span` with a caret below it and `label` beside the caret; what a failed constraint shows, too.
#[must_use]
pub fn excerpt(sources: &Sources, span: Span, title: &str, label: &str, colour: bool) -> String {
    renderer(colour).render(&[group(Level::ERROR.with_name("FAIL"), title, sources, span, label)])
}

fn group<'a>(level: Level<'a>, title: &'a str, sources: &'a Sources, span: Span, label: &'a str) -> Group<'a> {
    level.primary_title(title).element(snippet(sources, span, label, AnnotationKind::Primary))
}

fn snippet<'a>(
    sources: &'a Sources,
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let source = sources.get(span.file);
    // Only the line of the beginning is shown: a whole mapping under carets explains nothing.
    let (line, _) = source.line_column(span.start);
    let text = source.line(line);
    let line_start = source.text.len().min(offset_of(&source.text, text));
    let from = floor(text, (span.start as usize).saturating_sub(line_start));
    let to = floor(text, (span.end as usize).saturating_sub(line_start)).max(from);
    let mut annotation = kind.span(from..to);
    if !label.is_empty() {
        annotation = annotation.label(label);
    }
    Snippet::source(text).line_start(line as usize).path(source.shown.as_str()).annotation(annotation)
}

/// Where `part`, a slice of `whole`, begins in it.
fn offset_of(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// The nearest character boundary at or below `index`.
fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

fn renderer(colour: bool) -> Renderer {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii)
}

/// The candidate that `word` was probably meant to be, if one is near enough.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let candidates: Vec<_> = candidates.into_iter().map(|candidate| (candidate.to_lowercase(), candidate)).collect();
    let near = candidates
        .iter()
        .map(|(lower, candidate)| (strsim::damerau_levenshtein(&word, lower), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance);
    // `environment` is meant to be `env`.
    let longer = || candidates.iter().find(|(lower, _)| lower.len() > 2 && word.starts_with(lower.as_str()));
    near.map(|(_, candidate)| candidate).or_else(|| longer().map(|(_, candidate)| *candidate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn a_diagnostic_shows_place_line_caret_and_remedy() {
        let mut sources = Sources::default();
        let file = sources.add(Source::new("t.yml".into(), "t.yml".into(), "a: 1\n\tb: wiat\n".into()));
        let span = Span { file, start: 9, end: 13 };
        let shown = Diagnostic::error(span, "unknown key `wiat`").help("did you mean `wait`?").render(&sources, false);
        assert!(shown.contains("error: unknown key `wiat`"), "{shown}");
        assert!(shown.contains("t.yml:2:5"), "{shown}");
        assert!(shown.contains("^^^^"), "{shown}");
        assert!(shown.contains("help: did you mean `wait`?"), "{shown}");
    }

    #[test]
    fn spans_of_several_lines_and_multibyte_text_do_not_panic() {
        let mut sources = Sources::default();
        let text = "é é\nü";
        let file = sources.add(Source::new("t".into(), "t".into(), text.into()));
        for start in 0..=text.len() {
            for end in start..=text.len() + 2 {
                let span = Span { file, start: start as u32, end: end as u32 };
                let _ = Diagnostic::error(span, "x").render(&sources, true);
            }
        }
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("assert_staus", ["assert_status", "assert_json"]), Some("assert_status"));
        assert_eq!(nearest("frobnicate", ["spawn", "wait"]), None);
    }
}
