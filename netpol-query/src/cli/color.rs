//! The one decision about colour.

use super::args::{Args, ColorWord};
use super::{Surroundings, Terminals};
use crate::render::Palette;

/// The colours of the two streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    /// Of answers.
    pub(super) out: Palette,
    /// Of errors and warnings.
    pub(super) err: Palette,
    /// Whether answers are coloured at all.
    pub(super) colour: bool,
    /// Whether a person sees what is shown while something takes long.
    pub(super) progress: bool,
}

impl Console {
    /// Decides: the option, then `NO_COLOR`, then whether the stream is a terminal.
    pub(super) fn new(args: &Args, around: &Surroundings) -> Self {
        let wanted = |terminal: bool| match args.color {
            ColorWord::Always => true,
            ColorWord::Never => false,
            ColorWord::Auto => terminal && !around.no_color,
        };
        let palette = |wanted: bool| {
            if wanted { Palette::colours() } else { Palette::default() }
        };
        let Terminals { out, err, .. } = around.terminals;
        Self {
            out: palette(wanted(out)),
            err: palette(wanted(err)),
            colour: wanted(out),
            progress: err,
        }
    }
}
