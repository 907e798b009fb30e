//! The table of what came out: for each load, what stood in the middle by lines.

use std::collections::BTreeMap;

use crate::load::Load;

/// What the datapath has to reach of the same forwarder that allows everything.
const GATE: f64 = 0.9;

/// Figures, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// What stood in the middle, in order: the first is what the others are compared with.
    labels: Vec<String>,
    figures: Vec<Figure>,
}

#[derive(Clone, Debug)]
struct Figure {
    load: Load,
    name: String,
    label: String,
    rounds: Rounds,
}

/// Values by the numbers of the round and of the pass in it.
type Rounds = BTreeMap<(u32, u32), f64>;

impl Sheet {
    pub(crate) const fn new(labels: Vec<String>) -> Self {
        Self { labels, figures: Vec::new() }
    }

    pub(crate) fn note(
        &mut self,
        round: (u32, u32),
        label: &str,
        load: Load,
        (name, value): (String, f64),
    ) {
        let is_it = |f: &&mut Figure| f.label == label && f.load == load && f.name == name;
        if let Some(figure) = self.figures.iter_mut().find(is_it) {
            figure.rounds.insert(round, value);
            return;
        }
        let (label, rounds) = (label.to_owned(), Rounds::from([(round, value)]));
        self.figures.push(Figure { load, name, label, rounds });
    }

    pub(crate) fn print(&self) {
        Load::ALL.into_iter().for_each(|load| self.print_load(load));
    }

    fn print_load(&self, load: Load) {
        let names = self.names(load);
        let [headline, rest @ ..] = &names[..] else { return };
        let first = &self.labels[0];
        println!("\n{}", load.name());
        let mut titles = vec![(*headline).to_owned(), format!("to {first}")];
        titles.extend(rest.iter().map(|name| (*name).to_owned()));
        let times: Vec<&&str> = names.iter().filter(|name| name.starts_with('p')).collect();
        titles.extend(times.iter().map(|name| format!("{name} added")));
        let mut lines = vec![("", titles)];
        for label in
            self.labels.iter().filter(|label| !self.rounds(load, headline, label).is_empty())
        {
            let compared =
                |name, by: fn(f64, f64) -> f64| self.paired(load, name, (label, first), by);
            let mut cells = vec![self.rounds(load, headline, label), compared(headline, ratio)];
            cells.extend(rest.iter().map(|name| self.rounds(load, name, label)));
            cells.extend(times.iter().map(|name| compared(name, difference)));
            lines.push((label, cells.iter().map(Spread::cell).collect()));
        }
        print_lines(&lines);
    }

    /// Says how the datapath does beside the one that allows everything: by what came through, and by what a frame costs
    /// it, which others on the machine disturb less.
    pub(crate) fn print_gate(&self, enforce: &str, allow_all: &str) {
        println!("\n{enforce} to {allow_all}, where {GATE} is to be reached");
        let mut lines =
            vec![("", ["came through", "", "by ns a frame"].map(String::from).to_vec())];
        for load in Load::ALL.into_iter().filter(|load| *load != Load::Trips) {
            let Some(headline) = self.names(load).first().copied() else { continue };
            let came = self.paired(load, headline, (enforce, allow_all), ratio);
            let Some(spread) = Spread::of(&came) else { continue };
            let word = if spread.median >= GATE { "reached" } else { "MISSED" };
            let costs = if matches!(load, Load::Small | Load::Full) {
                self.paired(load, "ns a frame", (allow_all, enforce), ratio)
            } else {
                // Frames of other lengths, in other numbers at once.
                Rounds::new()
            };
            lines.push((
                load.name(),
                vec![Spread::cell(&came), word.to_owned(), Spread::cell(&costs)],
            ));
        }
        print_lines(&lines);
    }

    /// The names of the figures of a load, in the order in which they came.
    fn names(&self, load: Load) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.figures.iter().filter(|figure| figure.load == load) {
            if !names.contains(&figure.name.as_str()) {
                names.push(&figure.name);
            }
        }
        names
    }

    fn rounds(&self, load: Load, name: &str, label: &str) -> Rounds {
        let is_it = |f: &&Figure| f.label == label && f.load == load && f.name == name;
        self.figures.iter().find(is_it).map_or(Rounds::new(), |figure| figure.rounds.clone())
    }

    /// Compares two kinds round by round, so that what slows a whole round does not count.
    fn paired(
        &self,
        load: Load,
        name: &str,
        (one, other): (&str, &str),
        by: fn(f64, f64) -> f64,
    ) -> Rounds {
        let others = self.rounds(load, name, other);
        let ones = self.rounds(load, name, one).into_iter();
        ones.filter_map(|(round, one)| Some((round, by(one, *others.get(&round)?)))).collect()
    }
}

fn ratio(one: f64, other: f64) -> f64 {
    one / other
}

fn difference(one: f64, other: f64) -> f64 {
    one - other
}

/// Prints lines with columns as wide as they have to be.
fn print_lines(lines: &[(&str, Vec<String>)]) {
    let width = |column: usize| lines.iter().map(|(_, cells)| cells[column].len()).max().unwrap();
    let widths: Vec<usize> = (0..lines[0].1.len()).map(width).collect();
    let longest = lines.iter().map(|(label, _)| label.len()).max().unwrap();
    for (label, cells) in lines {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:<width$}"));
        println!("{}", format!("{label:<longest$}{}", padded.collect::<String>()).trim_end());
    }
}

/// The middle of some figures, and the ends.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(rounds: &Rounds) -> Option<Self> {
        let mut values: Vec<f64> = rounds.values().copied().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Self { median: values[values.len() / 2], least, most })
    }

    fn cell(rounds: &Rounds) -> String {
        Self::of(rounds).map_or("-".to_owned(), |Self { median, least, most }| {
            format!("{} [{}..{}]", short(median), short(least), short(most))
        })
    }
}

fn short(value: f64) -> String {
    if value.abs() >= 99.95 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 || value == 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
