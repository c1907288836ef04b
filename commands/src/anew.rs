//! What is decided anew because somebody else has written meanwhile. Each time it waits a little longer, and not all who want the
//! same goods come back at the same moment; but nobody waits for long: then they hear that it is busy.

use crate::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest that somebody waits.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Tries until it is not `Busy` any more, or it has taken too long.
pub(crate) async fn while_busy<T, R, F: Future<Output = Result<T, Error<R>>>>(
    attempt: impl Fn() -> F,
) -> Result<T, Error<R>> {
    within(PATIENCE, attempt).await
}

/// The same for what is decided on what this node knows; before a "no" it is decided once more, on what the log says (`true`).
pub(crate) async fn known_first<T, R, F: Future<Output = Result<T, Error<R>>>>(
    attempt: impl Fn(bool) -> F,
) -> Result<T, Error<R>> {
    while_busy(|| async {
        match attempt(false).await {
            Err(error) if error.stands_on_state() => attempt(true).await,
            answer => answer,
        }
    })
    .await
}

async fn within<T, R, F: Future<Output = Result<T, Error<R>>>>(
    patience: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, Error<R>> {
    let (begun, mut failures) = (Instant::now(), 0);
    loop {
        let answer = attempt().await;
        if !matches!(answer, Err(Error::Busy)) || begun.elapsed() >= patience {
            return answer;
        }
        failures += 1;
        sleep(log::pause(failures, PAUSE_MIN, PAUSE_MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Patience, and from which try on it succeeds → the tries it takes, and whether it does.
    #[tokio::test]
    async fn it_is_tried_again_for_a_while() {
        for (patience, succeeds, tries, comes) in [
            (PATIENCE, 1, 1, true),
            (PATIENCE, 4, 4, true),
            (Duration::ZERO, 2, 1, false),
        ] {
            let tried = Cell::new(0);
            let answer = within(patience, || {
                tried.set(tried.get() + 1);
                let now = tried.get();
                async move { if now < succeeds { Err(Error::<()>::Busy) } else { Ok(()) } }
            });
            assert_eq!((answer.await.is_ok(), tried.get()), (comes, tries));
        }
    }
}
