//! `./dev wrong`: puts one mistake after another into the log (log/src/wrong.rs) and runs the checks on it. Prints which
//! check caught which; a mistake that nothing catches is a gap, and makes it fail.
#![expect(clippy::expect_used, reason = "what cannot be run is told, and ends it")]

use clap::Parser;
use log::wrong::{VARIANTS, Variant};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

/// A test that hangs has noticed as well.
const TESTS_SECONDS: u64 = 90;
const TORTURE_SECONDS: u64 = 180;
const TOLD_MAX: usize = 3;

/// Which check catches which mistake.
#[derive(Parser)]
#[command(name = "wrong")]
struct Arguments {
    /// The log's own tests.
    #[arg(long)]
    unit: PathBuf,
    /// The black-box tests.
    #[arg(long)]
    it: PathBuf,
    #[arg(long)]
    torture: PathBuf,
    /// Only these mistakes.
    names: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen = |variant: &Variant| {
        let name = format!("{variant:?}");
        arguments.names.is_empty() || arguments.names.contains(&name)
    };
    println!("| mistake | | tests | torture |\n|---|---|---|---|");
    let mut gaps = 0;
    for (variant, what) in VARIANTS.iter().filter(|(variant, _)| chosen(variant)) {
        let tests = tested(&arguments, *variant);
        let tortured = tortured(&arguments, *variant);
        println!("| `{variant:?}` | {what} | {} | {} |", cell(&tests), cell(&tortured));
        gaps += usize::from(tests.is_empty() && tortured.is_empty());
    }
    if gaps > 0 {
        eprintln!("wrong: {gaps} mistakes that nothing catches");
    }
    ExitCode::from(u8::from(gaps > 0))
}

/// The black-box tests that should notice, by their modules: all of them would take an hour a mistake.
fn nearest(variant: Variant) -> &'static [&'static str] {
    use Variant::*;
    match variant {
        AnsweredBeforeTheDisk | LostTakenForRefused => &["append::answers", "append::faults"],
        HeadNotCompared | ArchivedTakenForNew | EpochStandsStill => &["append::rules", "keeping::archive"],
        NumberTwice | VersionNotChecked | GuardNotChecked | ClaimNotChecked | RepeatNotRecognised => {
            &["append::rules", "append::routes"]
        }
        WakeupLost | FailureTakenForDone => &["follow::"],
        CursorBeforeAcknowledgement => &["relay::"],
        TailInAnyOrder | TailWithHoles => &["follow::", "states::"],
        ErasedKeyKept => &["personal::"],
        ClockBelieved => &["append::rules"],
        SweptTooEarly => &["sweep::"],
        BuiltOnTheLost => &["states::lanes"],
    }
}

/// The tests that fail.
fn tested(arguments: &Arguments, variant: Variant) -> BTreeSet<String> {
    let mut unit = Command::new(&arguments.unit);
    let mut it = Command::new(&arguments.it);
    it.args(nearest(variant)).args(["--test-threads", "4"]);
    let (unit, it) = (
        said(&mut unit, variant, TESTS_SECONDS),
        said(&mut it, variant, TESTS_SECONDS),
    );
    unit.union(&it).cloned().collect()
}

fn failed(output: &str) -> impl Iterator<Item = String> {
    let lines = output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    lines.map(str::to_owned)
}

fn said(command: &mut Command, variant: Variant, seconds: u64) -> BTreeSet<String> {
    let (output, ended) = output(command, variant, seconds);
    let hangs = (!ended).then(|| "some test hangs".to_owned());
    failed(&output).chain(hangs).collect()
}

/// The flaws that the oracle finds.
fn tortured(arguments: &Arguments, variant: Variant) -> BTreeSet<String> {
    let mut torture = Command::new(&arguments.torture);
    torture.args(["--minutes", "0", "--seed", "1"]);
    let (output, ended) = output(&mut torture, variant, TORTURE_SECONDS);
    let flaws = output
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": "));
    let mut flaws: BTreeSet<String> = flaws.map(|(flaw, _)| flaw.to_owned()).collect();
    if flaws.is_empty() && (!ended || output.contains("panicked at")) {
        flaws.insert("it does not come to an end".to_owned());
    }
    flaws
}

/// What a program says on both outputs, and whether it ended in time.
fn output(command: &mut Command, variant: Variant, seconds: u64) -> (String, bool) {
    let mut timed = Command::new("timeout");
    timed
        .arg(seconds.to_string())
        .arg(command.get_program())
        .args(command.get_args());
    let output = timed
        .env("PROMETRIC_WRONG", format!("{variant:?}"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .expect("timeout, and the program");
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&text).into_owned(),
        output.status.code() != Some(124),
    )
}

fn cell(found: &BTreeSet<String>) -> String {
    let told: Vec<&str> = found.iter().take(TOLD_MAX).map(String::as_str).collect();
    match found.len() {
        0 => "–".to_owned(),
        all if all > TOLD_MAX => format!("{all}: {}, …", told.join(", ")),
        _ => told.join(", "),
    }
}
