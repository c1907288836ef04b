//! Read models as they were at a moment that is past: all of a workspace's tables folded up to there, in a schema of their own,
//! and kept a while for whoever asks again. A list cannot be had by less; and so a thing looks as it did then with all that it
//! shows of others.

use crate::{
    remake::{Beside, Builder, Tables},
    runner::{Inner, Projections},
    schema,
    table::ProjectError,
};
use chrono::{DateTime, Utc};
use domain::id::WorkspaceId;
use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex as Turn, watch};
use uuid::Uuid;

/// How long one is kept after it was last asked for.
const KEPT: Duration = Duration::from_secs(600);
/// How many are kept of a workspace, and of all on this node.
const KEPT_MAX: (usize, usize) = (4, 64);

/// A moment that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// After the event at this position; 0: before the first.
    Position(i64),
    /// After all that was recorded up to then.
    Time(DateTime<Utc>),
}

impl FromStr for AsOf {
    type Err = NoMoment;

    /// A position, or a time as RFC 3339 writes it.
    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let position = text.parse().ok().filter(|position| *position >= 0).map(Self::Position);
        let time = || {
            DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|time| Self::Time(time.to_utc()))
        };
        position.or_else(time).ok_or(NoMoment)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a position nor a time such as 2026-11-26T12:00:00Z")]
pub struct NoMoment;

/// A moment of a workspace's log: this position, and when its event was recorded, or the time that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub position: i64,
    pub time: DateTime<Utc>,
}

/// What this node has made of past moments, by their schemas.
#[derive(Default)]
pub(crate) struct Pasts {
    known: Mutex<HashMap<String, Known>>,
    /// One is made at a time. The builder lives as long as we do: what it made is dropped by others when we are gone.
    builder: Turn<Option<Builder>>,
}

#[derive(Clone)]
struct Known {
    workspace: Uuid,
    asked: Instant,
    /// Whoever was erased since is still in it.
    erasures: u64,
    made: watch::Receiver<Option<bool>>,
}

impl Projections {
    /// Which moment is meant; `None`: it is not past yet.
    pub async fn moment(&self, workspace: WorkspaceId, as_of: AsOf) -> Result<Option<Moment>, ProjectError> {
        let workspace: Uuid = workspace.into();
        let head = self.0.log.head(workspace).await?;
        let position = match as_of {
            AsOf::Position(position) => position,
            AsOf::Time(time) if time > Utc::now() => return Ok(None),
            AsOf::Time(time) => self.0.log.position_at(workspace, time).await?,
        };
        if position > head {
            return Ok(None);
        }
        let recorded = self.0.log.recorded_at(workspace, position).await?;
        let time = match as_of {
            AsOf::Position(_) => recorded.unwrap_or(DateTime::UNIX_EPOCH),
            AsOf::Time(time) => time,
        };
        Ok(Some(Moment { position, time }))
    }

    /// The schema with a workspace's rows at a moment; `None`: it takes longer than that to make it.
    pub async fn past(
        &self,
        workspace: WorkspaceId,
        moment: Moment,
        patience: Duration,
    ) -> Result<Option<String>, ProjectError> {
        let live = self.0.schema_to_remake(workspace).await?;
        let workspace: Uuid = workspace.into();
        let name = format!("past_{}_{}", workspace.simple(), moment.position);
        if !schema::exists(&self.0.pool, &name).await? {
            self.0.pasts.forget_made(&name); // whoever made it is gone, and another has dropped it
        }
        let mut made = self.0.make_once(workspace, live, &name, moment.position);
        let told = tokio::time::timeout(patience, made.wait_for(Option::is_some)).await;
        match told {
            Err(_) => Ok(None),
            Ok(Ok(made)) if *made == Some(true) => Ok(Some(name)),
            Ok(_) => Err(ProjectError::Past),
        }
    }
}

impl Inner {
    /// Whoever asks first has it made; who asks afterwards waits for the same.
    fn make_once(
        self: &std::sync::Arc<Self>,
        workspace: Uuid,
        live: String,
        name: &str,
        position: i64,
    ) -> watch::Receiver<Option<bool>> {
        let erasures = self.log.erasures();
        let mut known = self.pasts.known();
        if let Some(known) = known.get_mut(name).filter(|known| known.is_good(erasures)) {
            known.asked = Instant::now();
            return known.made.clone();
        }
        let (done, made) = watch::channel(None);
        let asked = Instant::now();
        known.insert(
            name.to_owned(),
            Known {
                workspace,
                asked,
                erasures,
                made: made.clone(),
            },
        );
        drop(known);
        let beside = Beside {
            workspace,
            live,
            name: name.to_owned(),
            tables: Tables::all(),
        };
        let inner = self.clone();
        tokio::spawn(async move {
            let made = inner.make_past(&beside, position).await;
            if let Err(error) = &made {
                tracing::error!(workspace = %beside.workspace, %error, "a past moment could not be made");
            }
            done.send_replace(Some(made.is_ok()));
        });
        made
    }

    async fn make_past(&self, beside: &Beside, position: i64) -> Result<(), ProjectError> {
        let mut turn = self.pasts.builder.lock().await;
        let mut builder = match turn.take() {
            Some(builder) => builder,
            None => Builder::open(&self.pool).await?,
        };
        for name in self.pasts.too_many(beside.workspace, &beside.name) {
            builder.discard(&name).await?;
        }
        builder.begin(beside).await?;
        builder.fill(self, beside, position, &|_| {}).await?;
        *turn = Some(builder);
        Ok(())
    }
}

impl Known {
    fn is_good(&self, erasures: u64) -> bool {
        let made = *self.made.borrow();
        // One that nobody makes any more will never be made.
        let can_be = made == Some(true) || (made.is_none() && self.made.has_changed().is_ok());
        can_be && self.erasures == erasures
    }
}

impl Pasts {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is to be made again.
    fn forget_made(&self, name: &str) {
        let mut known = self.known();
        if known.get(name).is_some_and(|known| known.made.borrow().is_some()) {
            known.remove(name);
        }
    }

    /// Forgets those that nobody asked for any more, and those for which there is no room beside a new one.
    fn too_many(&self, workspace: Uuid, new: &str) -> Vec<String> {
        let mut known = self.known();
        let mut others: Vec<(String, Uuid, Instant)> = known
            .iter()
            .filter(|(name, one)| *name != new && one.made.borrow().is_some())
            .map(|(name, one)| (name.clone(), one.workspace, one.asked))
            .collect();
        others.sort_by_key(|(.., asked)| std::cmp::Reverse(*asked));
        let (mut of_workspace, mut of_all) = (1, 1);
        others.retain(|(_, of, asked)| {
            let stays =
                asked.elapsed() < KEPT && of_all < KEPT_MAX.1 && (*of != workspace || of_workspace < KEPT_MAX.0);
            of_workspace += usize::from(*of == workspace && stays);
            of_all += usize::from(stays);
            !stays
        });
        let gone: Vec<String> = others.into_iter().map(|(name, ..)| name).collect();
        gone.iter().for_each(|name| drop(known.remove(name)));
        gone
    }
}
