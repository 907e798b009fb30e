//! What is measured, under the names that the recorded tables use.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One measured operation, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// T1: one file of YAML documents to facts.
    LoadYaml,
    /// T1: one YAML file a namespace to facts.
    LoadYamlFiles,
    /// T1: one JSON `List` to facts.
    LoadJson,
    /// T1: a snapshot file to facts.
    LoadSnapshot,
    /// T2: facts to index, program and classes.
    Build,
    /// T2: what a built snapshot adds to the facts, in bytes a pod.
    BuildMemory,
    /// T3: one verdict about two pods known by id.
    VerdictById,
    /// T3: one verdict about two pods known by namespace and name.
    VerdictByName,
    /// T3: the two look-ups of such a verdict alone.
    LookUps,
    /// T4: the first count of all pairs on one port by a new snapshot.
    FirstPairs,
    /// T4: such a count by a snapshot that has counted before.
    Pairs,
    /// T5: the count of all pairs on every port.
    PairsAllPorts,
    /// Who can reach one pod on one port, to the classes.
    WhoCanReach,
    /// All workloads that get to one pod over any number of hops, in layers.
    Closure,
    /// T6: one explanation, the median.
    Explain,
    /// T6: one explanation, the 99th of a hundred.
    ExplainP99,
    /// T7: one policy changed and the exact difference, the median.
    PolicyChange,
    /// T7: the 99th of a hundred.
    PolicyChangeP99,
    /// T7: one pod's labels changed, without the difference, the median.
    PodChange,
    /// T8: the whole program from a cold start to its answer, from one YAML file.
    Program,
    /// T9: the most memory that loading takes, over the size of the YAML file.
    LoadPeakYaml,
    /// T9: the most memory that loading takes, over the size of the JSON file.
    LoadPeakJson,
    /// T9: the most memory that building and counting take beside the facts, in bytes.
    BuildPeak,
    /// T9: the most memory that making the facts, building and counting take, in bytes.
    WholePeak,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A multiple of something.
    Times,
}

impl Operation {
    /// Every operation, in the order of the table.
    pub const ALL: [Self; 24] = [
        Self::LoadYaml,
        Self::LoadYamlFiles,
        Self::LoadJson,
        Self::LoadSnapshot,
        Self::Build,
        Self::BuildMemory,
        Self::VerdictById,
        Self::VerdictByName,
        Self::LookUps,
        Self::FirstPairs,
        Self::Pairs,
        Self::PairsAllPorts,
        Self::WhoCanReach,
        Self::Closure,
        Self::Explain,
        Self::ExplainP99,
        Self::PolicyChange,
        Self::PolicyChangeP99,
        Self::PodChange,
        Self::Program,
        Self::LoadPeakYaml,
        Self::LoadPeakJson,
        Self::BuildPeak,
        Self::WholePeak,
    ];

    /// Returns the number of the measurement in the design, and its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::LoadYaml => "T1 load YAML",
            Self::LoadYamlFiles => "T1 load YAML, a file a namespace",
            Self::LoadJson => "T1 load JSON",
            Self::LoadSnapshot => "T1 load a snapshot file",
            Self::Build => "T2 build",
            Self::BuildMemory => "T2 memory of the build, a pod",
            Self::VerdictById => "T3 verdict by id",
            Self::VerdictByName => "T3 verdict by name",
            Self::LookUps => "T3 two look-ups by name",
            Self::FirstPairs => "T4 all pairs, one port, first",
            Self::Pairs => "T4 all pairs, one port",
            Self::PairsAllPorts => "T5 all pairs, all ports",
            Self::WhoCanReach => "who can reach",
            Self::Closure => "closure (eventually)",
            Self::Explain => "T6 explain, median",
            Self::ExplainP99 => "T6 explain, p99",
            Self::PolicyChange => "T7 policy changed, median",
            Self::PolicyChangeP99 => "T7 policy changed, p99",
            Self::PodChange => "T7 pod relabelled, median",
            Self::Program => "T8 file to answer",
            Self::LoadPeakYaml => "T9 peak of loading YAML / input",
            Self::LoadPeakJson => "T9 peak of loading JSON / input",
            Self::BuildPeak => "T9 peak of build and count",
            Self::WholePeak => "T9 peak of facts, build, count",
        }
    }

    /// Returns the unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::BuildMemory | Self::BuildPeak | Self::WholePeak => Unit::Bytes,
            Self::LoadPeakYaml | Self::LoadPeakJson => Unit::Times,
            _ => Unit::Seconds,
        }
    }

    /// Writes a figure with a unit that fits its size.
    pub fn shown(self, value: f64) -> String {
        match self.unit() {
            Unit::Seconds => seconds(value),
            Unit::Bytes => bytes(value),
            Unit::Times => format!("{value:.2} x"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

fn seconds(value: f64) -> String {
    match value {
        v if v < 1e-6 => format!("{:.0} ns", v * 1e9),
        v if v < 1e-3 => format!("{} us", three_digits(v * 1e6)),
        v if v < 1.0 => format!("{} ms", three_digits(v * 1e3)),
        v => format!("{} s", three_digits(v)),
    }
}

fn bytes(value: f64) -> String {
    match value {
        v if v < 1e4 => format!("{v:.0} B"),
        v if v < 1e9 => format!("{} MB", three_digits(v / 1e6)),
        v => format!("{} GB", three_digits(v / 1e9)),
    }
}

fn three_digits(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_fitting_unit() {
        let shown = |v| Operation::Build.shown(v);
        assert_eq!(shown(4.2e-8), "42 ns");
        assert_eq!(shown(1.5e-6), "1.50 us");
        assert_eq!(shown(0.0123), "12.3 ms");
        assert_eq!(shown(2.0), "2.00 s");
        assert_eq!(Operation::BuildMemory.shown(812.0), "812 B");
        assert_eq!(Operation::BuildPeak.shown(1.2e9), "1.20 GB");
        assert_eq!(Operation::LoadPeakYaml.shown(1.5), "1.50 x");
    }

    #[test]
    fn names_of_recorded_tables_are_fixed() {
        let named = serde_json::to_string(&Operation::ALL).unwrap();
        assert!(
            named.starts_with(
                r#"["load-yaml","load-yaml-files","load-json","load-snapshot","build","#
            )
        );
        let read: Vec<Operation> = serde_json::from_str(&named).unwrap();
        assert_eq!(read, Operation::ALL);
    }
}
