//! Mistakes that can be put into the log, one at a time, to see which test notices (`./dev wrong`). Without the feature
//! `wrong`, which no product is built with, nothing of it is there: `is` is a constant.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    AnsweredBeforeTheDisk,
    HeadNotCompared,
    NumberTwice,
    WakeupLost,
    FailureTakenForDone,
    CursorBeforeAcknowledgement,
    TailInAnyOrder,
    TailWithHoles,
    VersionNotChecked,
    GuardNotChecked,
    ClaimNotChecked,
    RepeatNotRecognised,
    ArchivedTakenForNew,
    EpochStandsStill,
    ErasedKeyKept,
    ClockBelieved,
    LostTakenForRefused,
    SweptTooEarly,
    BuiltOnTheLost,
}

/// All of them, each with what it does.
pub const VARIANTS: [(Variant, &str); 19] = {
    use Variant::*;
    [
        (
            AnsweredBeforeTheDisk,
            "an append is acknowledged before its commit is on the disk",
        ),
        (
            HeadNotCompared,
            "heads are neither locked nor compared with what was decided on",
        ),
        (NumberTwice, "a number is assigned twice"),
        (WakeupLost, "consumers do not hear of what was appended"),
        (FailureTakenForDone, "a consumer's failed step is not tried again"),
        (
            CursorBeforeAcknowledgement,
            "the relay's cursor moves on before NATS has acknowledged",
        ),
        (TailInAnyOrder, "the hot tail is out of order"),
        (TailWithHoles, "the hot tail has holes and does not say so"),
        (VersionNotChecked, "the expected version is not checked"),
        (GuardNotChecked, "guards are not checked"),
        (ClaimNotChecked, "a key that is taken is taken again"),
        (RepeatNotRecognised, "a repeat is carried out again"),
        (ArchivedTakenForNew, "a stream that was put away is taken for a new one"),
        (
            EpochStandsStill,
            "appends that were decided on before something was put away are written after",
        ),
        (ErasedKeyKept, "the key of somebody who was erased stays in memory"),
        (ClockBelieved, "the node's clock is believed, whatever it says"),
        (LostTakenForRefused, "a lost answer is told as nothing written"),
        (SweptTooEarly, "command ids are forgotten before their time"),
        (
            BuiltOnTheLost,
            "what was decided on an append that was lost is written all the same",
        ),
    ]
};

#[cfg(not(feature = "wrong"))]
pub const fn is(_: Variant) -> bool {
    false
}

/// Chosen for the whole process, by name in the environment.
#[cfg(feature = "wrong")]
pub fn is(variant: Variant) -> bool {
    use std::sync::LazyLock;
    static CHOSEN: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("PROMETRIC_WRONG").ok());
    CHOSEN.as_ref().is_some_and(|chosen| *chosen == format!("{variant:?}"))
}
