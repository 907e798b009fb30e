//! How operations grow: the exponent of a power of the number of pods that fits best.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::operation::Operation;
use crate::row::{Row, as_f64};

/// The growth of one operation on one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The shape.
    pub preset: String,
    /// The operation.
    pub operation: Operation,
    /// The exponent: 0 is flat, 1 is linear, 2 is a square.
    pub exponent: f64,
    /// From how many pods.
    pub from: u64,
    /// To how many.
    pub to: u64,
}

/// Fits an exponent for every shape and operation that was measured at two sizes or more.
pub(super) fn of(rows: &[Row]) -> Vec<Growth> {
    let mut points: BTreeMap<(usize, Operation), Vec<(u64, f64)>> = BTreeMap::new();
    let mut presets: Vec<&str> = Vec::new();
    for row in rows {
        let known = presets.iter().position(|name| *name == row.preset);
        let at = known.unwrap_or_else(|| {
            presets.push(&row.preset);
            presets.len() - 1
        });
        for figure in row.figures.iter().filter(|f| f.value > 0.0) {
            points.entry((at, figure.operation)).or_default().push((row.pods, figure.value));
        }
    }
    let fitted = points.into_iter().filter_map(|((at, operation), points)| {
        let exponent = exponent(&points)?;
        let (from, to) = (points.first()?.0, points.last()?.0);
        let preset = (*presets.get(at)?).to_owned();
        Some(Growth { preset, operation, exponent, from, to })
    });
    fitted.collect()
}

/// The slope of the straight line through the logarithms, by least squares.
fn exponent(points: &[(u64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> =
        points.iter().map(|(pods, value)| (as_f64(*pods).ln(), value.ln())).collect();
    let count = as_f64(logs.len() as u64);
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = logs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let joint: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    (spread > 1e-9).then(|| joint / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_of_powers_are_found() {
        let linear = [(1_000, 0.5), (10_000, 5.0), (100_000, 50.0)];
        assert!((exponent(&linear).unwrap() - 1.0).abs() < 1e-9);
        let square = [(10, 1.0), (100, 100.0)];
        assert!((exponent(&square).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(exponent(&[(10, 1.0)]), None);
        assert_eq!(exponent(&[(10, 1.0), (10, 2.0)]), None);
    }
}
