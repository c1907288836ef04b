//! Why a command had no effect. The middle of the three layers: rejections below know no store, the edge above knows HTTP.

use crate::{Context, Versions};
use domain::{Permission, Violations, fact::DecodeError};
use log::{AppendError, PersonalError, ReadError};

#[derive(Debug, thiserror::Error)]
pub enum Error<R> {
    /// The rules said no.
    #[error(transparent)]
    Rejected(R),
    /// The command refers to something that is not there.
    #[error("refers to what is not there: {0}")]
    NoSuchReference(Violations),
    #[error("{0} is missing")]
    Forbidden(Permission),
    /// It is there, and not for this caller.
    #[error("no such {0}")]
    Hidden(&'static str),
    /// The caller pinned a version and it is stale.
    #[error("expected one of versions {expected:?}, found {actual}")]
    Stale { expected: Versions, actual: i64 },
    /// A unique key belongs to another.
    #[error("{kind} {key} is taken")]
    Taken { kind: &'static str, key: String },
    #[error("the command id was used for another request")]
    CommandReused,
    #[error("{what} exceeds {max}")]
    Limit { what: &'static str, max: usize },
    /// Lost too many races in a row, or the queue is full; nothing was written.
    #[error("too busy")]
    Busy,
    /// The store cannot be reached; nothing was written.
    #[error("the log is unavailable")]
    Unavailable(#[source] AppendError),
    /// The workspace lives on in another database; nothing was written.
    #[error("the workspace is closed here")]
    Closed,
    /// The store is there and will not have it; a mistake of ours.
    #[error("the log refuses it")]
    Refused(#[source] AppendError),
    /// Personal values cannot be sealed or opened; nothing was written.
    #[error("a personal value cannot be stored or read")]
    Personal(#[source] PersonalError),
    /// Ask again with the same command id.
    #[error("whether it was written is not known")]
    OutcomeUnknown,
    /// The log holds what this version cannot read.
    #[error("the stream cannot be read")]
    Unreadable(#[source] DecodeError),
    /// The log is not whole; nothing was written.
    #[error("the log is damaged")]
    Damaged(#[source] ReadError),
    #[error("the event cannot be stored")]
    Unstorable(#[source] serde_json::Error),
}

impl<R> Error<R> {
    /// The state may show what this very command did; or what it refers to has gone since.
    pub(crate) fn may_be_of_a_repeat(&self) -> bool {
        matches!(
            self,
            Self::Rejected(_) | Self::NoSuchReference(_) | Self::Stale { .. } | Self::Hidden(_) | Self::Forbidden(_)
        )
    }

    /// Another state could have led to another answer.
    pub(crate) fn stands_on_state(&self) -> bool {
        let by_the_store = matches!(self, Self::Taken { .. } | Self::Limit { .. } | Self::Unstorable(_));
        by_the_store || self.may_be_of_a_repeat()
    }

    /// Nothing was written; or nobody knows, but the command has an id, so that the first one is answered if there was one.
    pub(crate) fn may_be_asked_again(&self, context: &Context) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::OutcomeUnknown => context.command.is_some(),
            _ => false,
        }
    }
}

impl<R> From<AppendError> for Error<R> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Version { expected, actual, .. } => Self::Stale {
                expected: expected.into(),
                actual,
            },
            AppendError::Guard { .. } | AppendError::Overloaded => Self::Busy,
            AppendError::Claimed { kind, key, .. } => Self::Taken { kind, key },
            AppendError::CommandReused => Self::CommandReused,
            AppendError::Limit { what, max } => Self::Limit { what, max },
            AppendError::Malformed(why) => Self::Unstorable(serde::ser::Error::custom(why)),
            AppendError::Closed => Self::Closed,
            refused @ AppendError::Refused(_) => Self::Refused(refused),
            unavailable @ AppendError::Unavailable(_) => Self::Unavailable(unavailable),
            AppendError::Damaged(error) => Self::Damaged(error),
            AppendError::Personal(error) => Self::Personal(error),
            AppendError::Unknown => Self::OutcomeUnknown,
        }
    }
}

impl<R> From<ReadError> for Error<R> {
    fn from(error: ReadError) -> Self {
        AppendError::from(error).into()
    }
}
