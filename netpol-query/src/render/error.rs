//! Errors as people read them: the message, the sentence, and a caret under the word.

use super::palette::Palette;
use crate::error::QueryError;
use crate::syntax::Span;

/// Of longer lines a part is shown.
const WIDEST: usize = 400;

/// Renders an error about a sentence.
pub fn error_text(query: &str, error: &QueryError, palette: &Palette) -> String {
    let head = format!("{} {}\n", Palette::paint(palette.bad, "error:"), visible(&error.message));
    let help = visible(error.help.as_deref().unwrap_or_default());
    let help = help.as_str();
    let Some(span) = error.span else {
        let first = shortened(query.lines().next().unwrap_or_default());
        let rest = [first.as_str(), help].into_iter().filter(|l| !l.is_empty());
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
    let before = visible(query.get(start..span.start).unwrap_or_default());
    let column = before.chars().count();
    let marked = query.get(span.start..span.end).unwrap_or_default();
    let length = visible(marked.lines().next().unwrap_or_default()).chars().count();
    let line = visible(&line.replace('\t', " "));
    // Of a very long line the part around the caret is shown.
    let skipped = column.saturating_sub(WIDEST / 2);
    if skipped == 0 {
        return (shortened(&line), column, length.min(WIDEST));
    }
    let part: String = line.chars().skip(skipped).collect();
    (format!("…{}", shortened(&part)), column - skipped + 1, length.min(WIDEST))
}

fn shortened(line: &str) -> String {
    let line = visible(line);
    if line.chars().count() <= WIDEST {
        return line;
    }
    line.chars().take(WIDEST).chain(['…']).collect()
}

/// Characters that would act on the terminal, or not show at all, are shown by number.
fn is_shown(c: char) -> bool {
    let acts = c.is_control() && c != '\n' && c != '\t';
    let hides = matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    !acts && !hides
}

fn visible(text: &str) -> String {
    let show = |c: char| if is_shown(c) { c.to_string() } else { format!("<U+{:04X}>", c as u32) };
    text.chars().map(show).collect()
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
