//! The figures of one cluster.

use serde::{Deserialize, Serialize};

use crate::operation::Operation;

/// What was measured on one cluster, after its answers passed the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The shape.
    pub preset: String,
    /// How many pods it has.
    pub pods: u64,
    /// How many namespaces.
    pub namespaces: u64,
    /// How many workloads.
    pub workloads: u64,
    /// How many policies.
    pub policies: u64,
    /// The port on which pairs were counted.
    pub port: String,
    /// The allowed pairs on that port.
    pub pairs: u64,
    /// What the gate compared.
    pub gate: Gate,
    /// The figures, in the order of the operations.
    pub figures: Vec<Figure>,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
}

/// What was compared with the reference before anything was timed; everything agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Sampled flows.
    pub flows: u64,
    /// Those of them that are allowed.
    pub allowed: u64,
    /// Whether the count of pairs was compared with single verdicts about every pair.
    pub pairs_exact: bool,
    /// Changes whose outcome was compared with a rebuild.
    pub edits: u64,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Of what.
    pub operation: Operation,
    /// Seconds, bytes or a multiple, by the operation's unit.
    pub value: f64,
    /// The size of the input, in bytes, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u64>,
    /// What it is compared with, measured in the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

/// What a figure is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The other way to do it.
    pub name: String,
    /// Its figure, in the same unit.
    pub value: f64,
}

impl Figure {
    /// A figure without input size and baseline.
    pub fn new(operation: Operation, value: f64) -> Self {
        Self { operation, value, input_bytes: None, baseline: None }
    }

    /// Adds what it is compared with.
    #[must_use]
    pub fn against(mut self, name: &str, value: f64) -> Self {
        self.baseline = Some(Baseline { name: name.to_owned(), value });
        self
    }

    /// How many times the baseline this is better.
    pub fn ratio(&self) -> Option<f64> {
        self.baseline.as_ref().map(|b| b.value / self.value)
    }

    /// Megabytes of input a second.
    pub fn rate(&self) -> Option<f64> {
        self.input_bytes.map(|bytes| as_f64(bytes) / 1e6 / self.value)
    }
}

impl Row {
    /// Returns the figure of an operation.
    pub fn figure(&self, operation: Operation) -> Option<&Figure> {
        self.figures.iter().find(|f| f.operation == operation)
    }
}

/// Counts as numbers to divide; those of a table are far below where that loses anything.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn as_f64(count: u64) -> f64 {
    count as f64
}
