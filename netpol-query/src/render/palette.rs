//! Colours: support for the words, never in their place.

use anstyle::{AnsiColor, Style};

/// The styles of what is said; all plain where colour is not wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    /// Yes, allowed, pass.
    pub good: Style,
    /// No, denied, fail, error.
    pub bad: Style,
    /// Partial, unknown, ambiguous, warning.
    pub doubt: Style,
    /// What may be overlooked.
    pub dim: Style,
    /// What ought not to be.
    pub bold: Style,
}

impl Palette {
    /// Returns the colours of a terminal.
    pub const fn colours() -> Self {
        Self {
            good: AnsiColor::Green.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
            doubt: AnsiColor::Yellow.on_default().bold(),
            dim: Style::new().dimmed(),
            bold: Style::new().bold(),
        }
    }

    /// Paints a text.
    pub fn paint(style: Style, text: &str) -> String {
        format!("{style}{text}{style:#}")
    }
}
