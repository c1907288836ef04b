//! The verifying walk: reads a workspace's whole history, wherever it is, and says that it is whole, or what is wrong
//! first, and where.

mod error;

pub use error::{StreamError, VerifyError};

use super::{
    books::{Books, Meaning},
    epoch,
    history::Moment,
    seal::{PublicKey, SealError, SignedHead},
    sign,
    tree::{Tree, leaf},
};
use crate::{HASH_ZERO, Log, Recorded, Verifier};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::PgConnection;
use std::{collections::HashMap, path::Path};
use uuid::Uuid;

/// Where to begin and what to hold the history against. By default all of what is in the database, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a> {
    /// A position whose hash is trusted, as from a signed head; 0 and zeros for the whole history.
    pub after: (i64, [u8; 32]),
    /// Where the segments' files are; without it a history that is partly away cannot be walked.
    pub folder: Option<&'a Path>,
    /// Those of other workspaces, and of positions before `after`, are passed over.
    pub signed: &'a [SignedHead],
    /// The public keys that signed heads may be signed with.
    pub keys: &'a [PublicKey],
    /// What the events mean: with it, and from the first one on, claims, numbers and command ids are held against them.
    pub meaning: Option<fn() -> Box<dyn Meaning>>,
}

impl Default for Walk<'_> {
    fn default() -> Self {
        Self {
            after: (0, HASH_ZERO),
            folder: None,
            signed: &[],
            keys: &[],
            meaning: None,
        }
    }
}

/// What was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub workspace: Uuid,
    /// How many events were looked at, in files and in the table.
    pub events: i64,
    /// How many streams they belong to.
    pub streams: usize,
    /// How many segments the workspace has.
    pub segments: usize,
    /// How many signed heads were compared.
    pub signed: usize,
    /// People whose values nobody can read any more, while the chain over them holds.
    pub erased: i64,
    /// Where the log stands.
    pub position: i64,
    pub hash: [u8; 32],
}

/// Every stream's last version. The one thing here that grows with a workspace: some 50 bytes a stream.
#[derive(Default)]
pub(super) struct Streams {
    last: HashMap<Uuid, i64>,
    /// The walk did not begin at position 1: a stream seen first may stand anywhere.
    midway: bool,
}

impl Streams {
    pub fn next(&mut self, event: &Recorded) -> Result<(), StreamError> {
        let last = match self.last.insert(event.stream_id, event.version) {
            None if self.midway => return Ok(()),
            last => last.unwrap_or(0),
        };
        if last.checked_add(1) == Some(event.version) {
            return Ok(());
        }
        Err(StreamError {
            workspace: event.workspace,
            position: event.position,
            stream_id: event.stream_id,
            last,
            found: event.version,
        })
    }

    pub fn len(&self) -> usize {
        self.last.len()
    }
}

impl Log {
    /// Walks a workspace's history as it stands at this moment; appends go on meanwhile. Events come one by one, so
    /// memory grows with the number of streams alone.
    pub async fn verify(&self, workspace: Uuid, walk: &Walk<'_>) -> Result<Report, VerifyError> {
        let mut signed: Vec<&SignedHead> = walk.signed.iter().filter(|head| head.workspace == workspace).collect();
        signed.retain(|head| head.position >= walk.after.0);
        for head in &signed {
            head.check(walk.keys)?;
        }
        let mut moment = Moment::open(self, workspace).await?;
        let noted = noted(&mut moment.connection, workspace).await?;
        let entered = epoch::entered(&mut moment.connection, workspace).await?;
        if moment.epoch != entered {
            let found = moment.epoch;
            return Err(VerifyError::HeadEpoch {
                workspace,
                found,
                entered,
            });
        }
        let kept = sign::kept(&mut moment.connection, workspace).await?;
        let mut walked = Walked::new(workspace, walk, moment.archived(), &noted, &signed);
        walked.kept = kept;
        let meaning = walk.meaning.filter(|_| walk.after.0 == 0);
        let mut books = match meaning {
            Some(meaning) => Some(Books::new(
                workspace,
                meaning(),
                self.known_claim_keys(workspace).await?,
            )),
            None => None,
        };
        walked.arrive()?;
        let mut events = moment.events(workspace, walk.after.0, walk.folder);
        while let Some(event) = events.try_next().await? {
            walked.next(&event)?;
            if let Some(books) = &mut books {
                // What it claims and is numbered is said by what was sealed in it, and by nothing where that was erased.
                let mut opened = [event];
                self.open_personal(&mut opened).await?;
                opened.iter().try_for_each(|event| books.next(event))?;
            }
        }
        drop(events);
        let erased = erased(&mut moment.connection, workspace).await?;
        walked.finish(&moment)?;
        if let Some(books) = books {
            books.compare(&mut moment.connection).await?;
        }
        let (position, hash) = walked.chain.head();
        Ok(Report {
            workspace,
            events: position - walk.after.0,
            streams: walked.streams.len(),
            segments: moment.segments.len(),
            signed: signed.len(),
            erased,
            position,
            hash,
        })
    }
}

async fn erased(connection: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let erased = "select count(*) from log.person_keys where workspace_id = $1 and erased_at is not null";
    sqlx::query_scalar(erased).bind(workspace).fetch_one(connection).await
}

/// What the walk has seen so far.
struct Walked<'a> {
    workspace: Uuid,
    chain: Verifier,
    /// From the first event on, or nothing.
    tree: Option<Tree>,
    /// The tree as it is in the table, and for which position.
    kept: Option<(i64, Tree)>,
    /// Of the last event.
    recorded_at: Option<DateTime<Utc>>,
    streams: Streams,
    /// Up to here events are in files, and this is where the streams are noted to stand there.
    archived: i64,
    noted: &'a HashMap<Uuid, i64>,
    signed: &'a [&'a SignedHead],
}

impl<'a> Walked<'a> {
    fn new(
        workspace: Uuid,
        walk: &Walk<'_>,
        archived: i64,
        noted: &'a HashMap<Uuid, i64>,
        signed: &'a [&'a SignedHead],
    ) -> Self {
        let (position, hash) = walk.after;
        let midway = position > 0;
        Self {
            workspace,
            chain: Verifier::after(position, hash),
            tree: (!midway).then(Tree::default),
            kept: None,
            recorded_at: None,
            streams: Streams {
                midway,
                ..Streams::default()
            },
            archived,
            noted,
            signed,
        }
    }

    fn next(&mut self, event: &Recorded) -> Result<(), VerifyError> {
        self.chain.next(event)?;
        self.streams.next(event)?;
        self.recorded_at = Some(event.recorded_at);
        if let Some(tree) = &mut self.tree {
            tree.push(leaf(&event.hash));
        }
        self.arrive()
    }

    /// What can be compared at the position that the walk stands at.
    fn arrive(&self) -> Result<(), VerifyError> {
        let (position, hash) = self.chain.head();
        for signed in self.signed.iter().filter(|signed| signed.position == position) {
            signed.compare(&hash, self.tree.as_ref().map(Tree::root))?;
        }
        if let (Some(tree), Some((at, kept))) = (&self.tree, &self.kept)
            && *at == position
            && kept != tree
        {
            return Err(self.tree_is_wrong(*at));
        }
        if position == self.archived && !self.streams.midway {
            self.compare_noted(position)?;
        }
        Ok(())
    }

    fn tree_is_wrong(&self, position: i64) -> VerifyError {
        VerifyError::Tree {
            workspace: self.workspace,
            position,
        }
    }

    fn compare_noted(&self, position: i64) -> Result<(), VerifyError> {
        let actual = &self.streams.last;
        let differs = |stream: &&Uuid| self.noted.get(stream) != actual.get(stream);
        match self.noted.keys().chain(actual.keys()).find(differs) {
            None => Ok(()),
            Some(stream_id) => Err(VerifyError::Noted {
                workspace: self.workspace,
                position,
                stream_id: *stream_id,
                noted: self.noted.get(stream_id).copied(),
                actual: actual.get(stream_id).copied(),
            }),
        }
    }

    fn finish(&self, moment: &Moment) -> Result<(), VerifyError> {
        let head = moment.position;
        let (workspace, (last, walked)) = (self.workspace, self.chain.head());
        if let Some(signed) = self.signed.iter().find(|signed| signed.position > last) {
            return Err(VerifyError::Sealed(SealError::Truncated {
                workspace,
                signed: signed.position,
                last,
            }));
        }
        if let Some((at, _)) = self.kept.as_ref().filter(|(at, _)| *at > last || *at < 1) {
            return Err(self.tree_is_wrong(*at));
        }
        match last.cmp(&head) {
            std::cmp::Ordering::Less => Err(VerifyError::Truncated { workspace, head, last }),
            std::cmp::Ordering::Greater => Err(VerifyError::Beyond { workspace, head, last }),
            std::cmp::Ordering::Equal if walked != moment.hash => Err(VerifyError::Head {
                workspace,
                position: head,
            }),
            std::cmp::Ordering::Equal if self.recorded_at.is_some_and(|at| at != moment.recorded_at) => {
                Err(VerifyError::HeadTime {
                    workspace,
                    position: head,
                })
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

async fn noted(connection: &mut PgConnection, workspace: Uuid) -> Result<HashMap<Uuid, i64>, sqlx::Error> {
    let noted = "select stream_id, version from log.archived_streams where workspace_id = $1";
    let noted: Vec<(Uuid, i64)> = sqlx::query_as(noted).bind(workspace).fetch_all(connection).await?;
    Ok(noted.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: i64, stream: u128, version: i64) -> Recorded {
        Recorded {
            workspace: Uuid::nil(),
            position,
            category: "deal".into(),
            stream_id: Uuid::from_u128(stream),
            version,
            event_id: Uuid::nil(),
            event_type: "deal.created".into(),
            schema: 1,
            data: "{}".into(),
            metadata: "{}".into(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: HASH_ZERO,
        }
    }

    #[test]
    fn a_stream_s_versions_are_dense_and_begin_at_one_when_the_walk_does() {
        let mut streams = Streams::default();
        for (position, stream, version) in [(1, 1, 1), (2, 2, 1), (3, 1, 2)] {
            streams.next(&event(position, stream, version)).unwrap();
        }
        for (stream, version) in [(1, 4), (2, 1), (3, 2), (4, i64::MIN)] {
            let error = streams.next(&event(4, stream, version)).unwrap_err();
            assert_eq!((error.position, error.found), (4, version));
        }
        let mut midway = Streams {
            midway: true,
            ..Streams::default()
        };
        midway.next(&event(9, 1, 7)).unwrap();
        midway.next(&event(10, 1, 8)).unwrap();
        midway.next(&event(11, 1, 10)).unwrap_err();
    }
}
