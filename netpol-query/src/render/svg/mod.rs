//! Pictures as SVG: no script, no font from elsewhere, readable on light and on dark ground.

mod graph;
mod heat;

pub(super) use graph::graph;
pub(super) use heat::heat;

use super::xml;

/// The colours (Okabe and Ito's, which the colour-blind tell apart), for both grounds.
const STYLE: &str = include_str!("style.css");

/// How wide a text is at 13 pixels, about; wide scripts count twice.
fn text_width(text: &str) -> i32 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | '\'' | '|' | ':' => 4,
            'm' | 'w' | 'M' | 'W' | '@' => 11,
            'A'..='Z' => 9,
            c if u32::from(c) >= 0x1100 => 14,
            _ => 8,
        })
        .sum()
}

/// Cuts a text that is longer than so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn open(width: i32, height: i32, title: &str) -> String {
    let title = xml(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"npq\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reads_as_markup_is_escaped() {
        assert_eq!(xml("<a b=\"c\">&'\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    }
}
