//! What the protocol's server asks of whoever runs it: who is calling, what an event looks like to them, and how what an outside
//! system appends gets into the log. This crate knows streams, positions and messages, and neither rights nor rules.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use log::{ConsumerError, Log, Recorded};
use sqlx::PgPool;
use std::{fmt, net::IpAddr, time::SystemTime};
use tonic::Status;
use uuid::Uuid;

/// The category of streams that outside systems may append to: they are called `external-…`.
pub const EXTERNAL: &str = "external";

/// Whoever runs the server.
#[async_trait]
pub trait House: Send + Sync + 'static {
    type Guest: Guest;

    fn log(&self) -> &Log;

    /// For what is kept beside the log.
    fn pool(&self) -> &PgPool;

    /// Who brought these credentials; asked again and again as long as a subscription lasts.
    async fn admit(&self, credentials: &Credentials, from: Option<IpAddr>) -> Result<Self::Guest, Refusal>;

    /// The event as it is shown. `open`: its personal values were opened, otherwise they are as they are stored.
    fn show(&self, event: &Recorded, open: bool) -> Result<Shown, ConsumerError>;

    /// The id in the log of a stream of category [`EXTERNAL`].
    fn external(&self, name: &str) -> Uuid;

    /// Appends to such a stream.
    async fn append(
        &self,
        guest: &Self::Guest,
        from: Option<IpAddr>,
        proposed: Proposed,
    ) -> Result<Written, NotWritten>;
}

/// Who is calling: an account in one workspace, which is the whole database to it.
pub trait Guest: Clone + Send + Sync + 'static {
    fn workspace(&self) -> Uuid;

    /// Otherwise the name of the permission that is missing.
    fn may(&self, right: Right) -> Result<(), &'static str>;

    /// What it is called by, for who looks after groups of consumers.
    fn name(&self) -> String;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Reading the log.
    Read,
    /// Seeing personal values in the clear.
    OpenPersonal,
    /// Writing streams of category [`EXTERNAL`].
    Append,
    /// Making groups of consumers, changing and ending them.
    Groups,
}

/// What came with a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    Basic {
        user: String,
        password: String,
    },
    Bearer(String),
    /// An authority that the house trusts says that it is them, up to then.
    Certificate {
        name: String,
        until: SystemTime,
    },
}

/// Never the secret: it may end in a log line.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// From the header `Authorization`.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    Unavailable(String),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated(why) => Self::unauthenticated(why),
            Refusal::Forbidden(why) => Self::permission_denied(why),
            Refusal::Unavailable(why) => Self::unavailable(why),
        }
    }
}

/// An event as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub stream: String,
    pub event_type: String,
    pub id: Uuid,
    pub content_type: String,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
}

/// What an outside system would have appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Begins with `external-`.
    pub stream: String,
    pub expected: Expected,
    pub messages: Vec<Message>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Uuid,
    pub event_type: String,
    pub content_type: String,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
}

/// Where the stream should stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Any,
    NoStream,
    StreamExists,
    /// That of its last event: 0, 1, 2, …
    Revision(u64),
}

/// What was appended; of a repeat, what the first one appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Of the last event; none, where the stream has none.
    pub revision: Option<u64>,
    /// In the workspace's log.
    pub position: i64,
}

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// `current`: the revision of its last event.
    #[error("the stream stands elsewhere")]
    WrongExpectedVersion { current: Option<u64> },
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    Invalid(String),
    #[error("more than {0} bytes")]
    TooLarge(usize),
    /// Nothing was written; others' appends have to be written first.
    #[error("too much is being appended just now")]
    Busy,
    /// Nothing was written, or nobody knows: a repeat with the same event ids is safe.
    #[error("{0}")]
    Unavailable(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_the_header() {
        let basic = |user: &str, password: &str| Credentials::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        let cases = [
            ("Basic YWRtaW46Y2hhbmdlaXQ=", Some(basic("admin", "changeit"))),
            ("basic YTpiOmM=", Some(basic("a", "b:c"))),
            ("Bearer pk_1", Some(Credentials::Bearer("pk_1".to_owned()))),
            ("Basic ?", None),
            ("Basic YQ==", None),
            ("Digest x", None),
            ("", None),
        ];
        for (header, read) in cases {
            assert_eq!(Credentials::read(header), read, "{header}");
        }
    }
}
