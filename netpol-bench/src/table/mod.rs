//! The table of measurements: every cluster in a process of its own, growth over the sizes, and the goals.

mod goals;
mod growth;
mod plot;
mod text;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::machine::Machine;
use crate::measure::Settings;
use crate::preset::Preset;
use crate::row::Row;

pub use goals::{Outcome, Verdict};
pub use growth::Growth;
pub use plot::plot;
pub use text::print;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shapes.
    pub presets: Vec<Preset>,
    /// The numbers of pods of each shape; a shape that is larger than it can be takes its largest size instead.
    pub sizes: Vec<u32>,
    /// The seed of clusters and samples.
    pub seed: u64,
    /// How many flows the gate compares with the reference.
    pub samples: usize,
    /// The most pods of a cluster whose files are written and loaded.
    pub load_up_to: u32,
}

/// A whole table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The version of this form.
    pub version: u32,
    /// Where it was measured.
    pub machine: Machine,
    /// The seed of clusters and samples.
    pub seed: u64,
    /// The clusters.
    pub rows: Vec<Row>,
    /// How each operation grows with the pods of each shape.
    pub growth: Vec<Growth>,
    /// What became of the goals.
    pub goals: Vec<Outcome>,
    /// Clusters that were not measured, and why.
    pub left_out: Vec<String>,
}

/// Why a table was not finished.
#[derive(Debug, Error)]
pub enum TableError {
    /// The fast and the slow answer differ, or a cluster cannot be made or measured.
    #[error("{cluster}: {message}")]
    Failed {
        /// Shape and size.
        cluster: String,
        /// What the measuring process said.
        message: String,
    },
    /// A process cannot be started, or a file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A measuring process answered in another form.
    #[error("a measuring process gave an answer that cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
    /// The plot cannot be drawn.
    #[error("the plot cannot be drawn: {0}")]
    Plot(String),
}

/// Measures every cluster of a plan; `progress` hears of each before it begins.
///
/// # Errors
///
/// [`TableError`]; the first cluster whose answers are wrong ends the table.
pub fn measure(plan: &Plan, progress: &mut dyn FnMut(&str)) -> Result<Table, TableError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut left_out = Vec::new();
    let machine = Machine::detect();
    for preset in &plan.presets {
        for pods in sizes(*preset, &plan.sizes, &mut left_out) {
            progress(&format!("{preset} at {pods} pods"));
            rows.push(row(&Settings {
                preset: *preset,
                pods,
                seed: plan.seed,
                samples: plan.samples,
                load_up_to: plan.load_up_to,
            })?);
        }
    }
    let growth = growth::of(&rows);
    let goals = goals::outcomes(&rows, &growth);
    Ok(Table { version: 1, machine, seed: plan.seed, rows, growth, goals, left_out })
}

fn sizes(preset: Preset, wanted: &[u32], left_out: &mut Vec<String>) -> Vec<u32> {
    let (most, why) = preset.most_pods();
    let mut sizes: Vec<u32> = wanted.iter().map(|pods| (*pods).min(most)).collect();
    sizes.dedup();
    for pods in wanted.iter().filter(|pods| **pods > most) {
        left_out.push(format!("{preset} at {pods} pods: {why}"));
    }
    sizes
}

/// Measures one cluster in a process of its own.
fn row(settings: &Settings) -> Result<Row, TableError> {
    let Settings { preset, pods, seed, samples, load_up_to } = settings;
    let output = Command::new(std::env::current_exe()?)
        .args(["row", "--preset", preset.as_str(), "--pods", &pods.to_string()])
        .args(["--seed", &seed.to_string(), "--samples", &samples.to_string()])
        .args(["--load-up-to", &load_up_to.to_string()])
        .stderr(Stdio::piped())
        .output()?;
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout)?);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("error: ").to_owned();
    let message = if said.is_empty() { output.status.to_string() } else { said };
    Err(TableError::Failed { cluster: format!("{preset} at {pods} pods"), message })
}

/// Writes `table.txt`, `table.json` and `table.svg` into a directory, which is made where it does not exist.
///
/// # Errors
///
/// [`TableError`].
pub fn write(table: &Table, directory: &Path) -> Result<(), TableError> {
    std::fs::create_dir_all(directory)?;
    let mut text = Vec::new();
    print(table, &mut text)?;
    std::fs::write(directory.join("table.txt"), text)?;
    let mut json = serde_json::to_vec_pretty(table)?;
    json.write_all(b"\n")?;
    std::fs::write(directory.join("table.json"), json)?;
    std::fs::write(directory.join("table.svg"), plot(table)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_measured_at_its_largest_size_and_the_table_says_so() {
        let mut left_out = Vec::new();
        let wanted = [1_000, 10_000, 150_000];
        assert_eq!(sizes(Preset::Redhat240, &wanted, &mut left_out), [1_000, 2_400]);
        assert_eq!(sizes(Preset::Enterprise, &wanted, &mut left_out), wanted);
        let said = "redhat-240 at 10000 pods: the shape has a fixed size of 240 namespaces";
        assert_eq!(left_out[0], said);
        assert_eq!(left_out.len(), 2);
    }
}
