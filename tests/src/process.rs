//! What a process has used so far, where the system tells: figures of benchmarks, and bounds in tests.

use std::fs;

/// Of a second, on every Linux there is.
const TICKS: f64 = 100.0;

/// Processor time in seconds; not a number where the system does not tell.
pub fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything.
    let ticks = stat.rsplit(')').next().into_iter().flat_map(str::split_whitespace);
    let ticks: Vec<f64> = ticks.skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    match ticks.as_slice() {
        [user, system] => (user + system) / TICKS,
        _ => f64::NAN,
    }
}

/// What it holds of the machine's memory, in kB.
pub fn resident(process: u32) -> Option<u64> {
    told(process, "VmRSS:")
}

/// The most that it has held, in kB.
pub fn peak(process: u32) -> Option<u64> {
    told(process, "VmHWM:")
}

fn told(process: u32, what: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.split_whitespace().next()?.parse().ok()
}
