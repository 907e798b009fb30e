//! Text in Markdown: names are shown, never obeyed.

/// Escapes a text that stands in a line of Markdown: no markup, no mention, no HTML, no cell of a table ends in it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '#' | '!' => entity(&mut out, c),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c if is_odd(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    // A bare address would become a link.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

fn entity(out: &mut String, c: char) {
    out.push_str("&#");
    out.push_str(&u32::from(c).to_string());
    out.push(';');
}

/// Tells whether a character ends lines or turns them around.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shows a text as code, with as many backticks around it as it needs.
pub(super) fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_odd(c) { '\u{fffd}' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    // In a table a bar ends the cell even in code, unless it is escaped.
    format!("{fence}{gap}{}{gap}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_never_obeyed() {
        assert_eq!(plain("a|b"), "a\\|b");
        assert_eq!(plain("@team <img src=x> `x`"), "&#64;team &lt;img src=x&gt; \\`x\\`");
        assert_eq!(plain("see http://x.example"), "see http&#58;//x.example");
        assert_eq!(plain("two\nlines\u{202e}"), "two\u{fffd}lines\u{fffd}");
        assert_eq!(plain("[a](b)"), "\\[a\\](b)");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a|b"), "`a\\|b`");
    }
}
