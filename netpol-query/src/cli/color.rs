//! The one decision about colour.

use super::Surroundings;
use super::args::{Args, ColorWord};
use crate::render::Palette;

/// The colours of the two streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    /// Of answers.
    pub(super) out: Palette,
    /// Of errors and warnings.
    pub(super) err: Palette,
}

impl Console {
    /// Decides: the option, then `NO_COLOR`, then whether the stream is a terminal.
    pub(super) fn new(args: &Args, around: &Surroundings) -> Self {
        let palette = |terminal: bool| {
            let wanted = match args.color {
                ColorWord::Always => true,
                ColorWord::Never => false,
                ColorWord::Auto => terminal && !around.no_color,
            };
            if wanted { Palette::colours() } else { Palette::default() }
        };
        Self { out: palette(around.terminals.out), err: palette(around.terminals.err) }
    }
}
