//! One measurement.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Cell {
    /// Events per second.
    pub rate: f64,
    /// Milliseconds of one call.
    pub p50: f64,
    pub p99: f64,
}

impl Cell {
    /// Of the latencies in milliseconds.
    pub fn of(rate: f64, mut latencies: Vec<f64>) -> Self {
        latencies.sort_by(f64::total_cmp);
        let at = |part: f64| {
            latencies
                .get((latencies.len() as f64 * part) as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        Self {
            rate,
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
