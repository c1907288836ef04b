//! What an operator decides on a process that is stuck. It is looked up here which steps wait for a decision; whether it may be
//! made is the rules' business (domain/src/process.rs), and what becomes of it each saga's.

use crate::Instance;
use commands::{Context, Done, Error, Executor};
use domain::process::{
    self, Abandonment, Decision, Process, ProcessCommand, ProcessEvent,
    ProcessRejection::{self, Ended, NotStuck, SeveralRefused},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Of the named step, or of all that were refused.
    Retry,
    /// Of the named step, or of the only one that was refused.
    Skip,
    Abandon,
}

/// Records it; the process goes on when it hears of that, on whichever node.
pub async fn decide(
    executor: &Executor,
    on: &Instance,
    verdict: Verdict,
    step: Option<String>,
    why: &str,
    context: &Context,
) -> Result<Done<ProcessEvent>, Error<ProcessRejection>> {
    let decided = match command(on, verdict, step, why) {
        Ok(command) => executor.execute::<Process>(on.stream(), &command, context).await,
        Err(rejection) => Err(Error::Rejected(rejection)),
    };
    executor.or_repeated::<Process>(on.stream(), context, decided).await
}

fn command(
    on: &Instance,
    verdict: Verdict,
    step: Option<String>,
    why: &str,
) -> Result<ProcessCommand, ProcessRejection> {
    process::check(why, step.as_ref())?;
    if on.has_ended() {
        return Err(Ended);
    }
    let decision = |step: String| Decision {
        saga: on.saga.clone(),
        instance: on.instance,
        step,
        why: why.to_owned(),
    };
    let steps = || match step {
        Some(step) => Ok(vec![step]),
        None if on.refused.is_empty() => Err(NotStuck),
        None => Ok(on.refused.clone()),
    };
    match verdict {
        Verdict::Retry => Ok(ProcessCommand::Retry(steps()?.into_iter().map(decision).collect())),
        Verdict::Skip => match <[String; 1]>::try_from(steps()?) {
            Ok([step]) => Ok(ProcessCommand::Skip(decision(step))),
            Err(several) => Err(SeveralRefused {
                steps: several.join(", "),
            }),
        },
        Verdict::Abandon => Ok(ProcessCommand::Abandon(Abandonment {
            saga: on.saga.clone(),
            instance: on.instance,
            why: why.to_owned(),
        })),
    }
}
