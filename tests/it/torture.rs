//! A bounded run of the log's torture (`./dev torture` is the long one): every kind of fault under load, with nothing
//! lost, doubled or skipped.

use prometric_tests::torture::{Plan, run};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_skipped_whatever_dies() {
    let seed = rand::random::<u32>();
    println!("torture: seed {seed}");
    let program = env!("CARGO_BIN_EXE_torture").into();
    let plan = Plan::bounded(seed.into(), program, std::env::temp_dir());
    let report = run(&plan).await;
    println!("{report}");
    assert!(report.findings.is_empty(), "{report}");
    assert!(
        report.counts.written > 500 && report.counts.unknown > 0,
        "the load was none: {report}"
    );
    assert!(
        plan.engine.is_some() || report.ways.iter().all(|batches| *batches > 20),
        "a way into the log was not taken: {report}"
    );
    assert_eq!(report.kept.len(), 5, "a task was never done: {report}");
}
