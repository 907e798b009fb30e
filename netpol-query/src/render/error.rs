//! Errors as people read them: the message, the sentence, and a caret under the word.

use super::palette::Palette;
use crate::error::QueryError;
use crate::syntax::Span;

/// Renders an error about a sentence.
pub fn error_text(query: &str, error: &QueryError, palette: &Palette) -> String {
    let head = format!("{} {}\n", Palette::paint(palette.bad, "error:"), error.message);
    let help = error.help.as_deref().unwrap_or_default();
    let Some(span) = error.span else {
        let first = query.lines().next().unwrap_or_default();
        let rest = [first, help].into_iter().filter(|l| !l.is_empty());
        return rest.fold(head, |text, line| text + "  " + line + "\n");
    };
    let (line, column, length) = line_of(query, span);
    let underline = Palette::paint(palette.bad, &"^".repeat(length.max(1)));
    let text = format!("{head}  {line}\n  {}{underline} {help}", " ".repeat(column));
    text.trim_end().to_owned() + "\n"
}

/// Returns the line that a span begins on, and where on it and how long it is, in characters.
fn line_of(query: &str, span: Span) -> (String, usize, usize) {
    let before = query.get(..span.start).unwrap_or(query);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = query.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let column = query.get(start..span.start).unwrap_or_default().chars().count();
    let marked = query.get(span.start..span.end).unwrap_or_default();
    let length = marked.lines().next().unwrap_or_default().chars().count();
    (line.replace('\t', " "), column, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn the_caret_stands_under_the_word() {
        let error = QueryError::at(
            ErrorCode::NoSuchEndpoint,
            Span::new(9, 17),
            "no workload, pod or service is called `frontent`",
        )
        .help("did you mean `frontend` (boutique/deploy/frontend)?");
        let text = error_text("what can frontent reach", &error, &Palette::default());
        assert_eq!(
            text,
            "error: no workload, pod or service is called `frontent`\n\
             \x20 what can frontent reach\n\
             \x20          ^^^^^^^^ did you mean `frontend` (boutique/deploy/frontend)?\n"
        );
    }
}
