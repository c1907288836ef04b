//! One consumer's queue on this node: what wakes it, what it leads, what it has to do, and what is to be told of it.

use super::{
    Consumer, ConsumerError, Progress,
    agenda::{Agenda, Lag},
    chain,
    report::Report,
};
use crate::{
    lease::{
        lead::{Hold, Lead},
        range::{Ranges, range_of},
    },
    lock,
    wrong::{self, Variant::FailureTakenForDone},
};
use chrono::Utc;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::Notify;
use uuid::Uuid;

/// The most characters of an error that are stored.
const ERROR_MAX: usize = 1_000;

pub(crate) struct Queue {
    consumer: Arc<dyn Consumer>,
    lead: Lead,
    agenda: Mutex<Agenda>,
    changed: Notify,
    /// Ranges in which something may have moved that nobody told us of.
    unseen: Mutex<Ranges>,
    something_unseen: Notify,
    reports: Mutex<HashMap<Uuid, Report>>,
    closed: AtomicBool,
}

impl Queue {
    pub fn new(consumer: Arc<dyn Consumer>) -> Self {
        Self {
            lead: Lead::new(consumer.leased()),
            consumer,
            agenda: Mutex::default(),
            changed: Notify::new(),
            unseen: Mutex::default(),
            something_unseen: Notify::new(),
            reports: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub fn name(&self) -> &'static str {
        self.consumer.name()
    }

    pub fn consumer(&self) -> &Arc<dyn Consumer> {
        &self.consumer
    }

    // What wakes it

    /// The workspace moved on from one position to the other.
    pub fn moved(&self, workspace: Uuid, from: i64, to: i64) {
        let is_ours = self.consumer.follows(workspace) && self.lead.leads(workspace);
        if is_ours && lock(&self.agenda).moved(workspace, from, to) {
            self.changed.notify_one();
        }
    }

    /// Whatever is known of it, unless another node leads it.
    pub fn look_at(&self, workspace: Uuid) {
        if self.consumer.follows(workspace) && self.lead.leads(workspace) {
            self.push(workspace, false);
        }
    }

    /// The same, whoever leads it.
    pub fn look_here_at(&self, workspace: Uuid) {
        if self.consumer.follows(workspace) {
            self.push(workspace, true);
        }
    }

    fn push(&self, workspace: Uuid, asked: bool) {
        if lock(&self.agenda).push(workspace, asked) {
            self.changed.notify_one();
        }
    }

    /// Has cursors and heads compared in those ranges.
    pub fn look_for(&self, ranges: Ranges) {
        if !ranges.is_empty() {
            let mut unseen = lock(&self.unseen);
            *unseen = unseen.with(ranges);
            self.something_unseen.notify_one();
        }
    }

    /// Waits until there are ranges to compare.
    pub async fn unseen(&self) -> Ranges {
        loop {
            let ranges = std::mem::take(&mut *lock(&self.unseen));
            if !ranges.is_empty() {
                return ranges;
            }
            self.something_unseen.notified().await;
        }
    }

    /// The workspace stands there for this consumer, and its head does not.
    pub fn behind(&self, workspace: Uuid, position: i64) {
        if self.consumer.follows(workspace) && self.lead.leads(workspace) {
            lock(&self.agenda).stands(workspace, position);
            self.push(workspace, false);
        }
    }

    // What it leads

    /// Whether its workspaces are shared among nodes.
    pub fn shares(&self) -> bool {
        self.consumer.leased()
    }

    pub fn leads(&self, workspace: Uuid) -> bool {
        self.lead.leads(workspace)
    }

    pub fn led(&self) -> Ranges {
        self.lead.ranges()
    }

    /// From now on it holds these leases.
    pub fn lead(&self, hold: Hold) {
        let before = self.lead.ranges();
        let gained = self.lead.replace(hold);
        if self.lead.ranges() != before {
            let leads = |workspace| self.lead.leads(workspace);
            lock(&self.agenda).refresh(leads);
            lock(&self.reports).retain(|workspace, _| leads(*workspace));
            self.changed.notify_one();
        }
        self.look_for(gained);
    }

    /// Ranges in which a step is under way.
    pub fn in_hand(&self) -> Ranges {
        lock(&self.agenda).in_hand().map(range_of).collect()
    }

    /// Whether a lease waits for the end of what is in hand.
    pub fn yields(&self) -> bool {
        !self.lead.yielding().is_empty()
    }

    // What it has to do

    /// The next workspace in turn; `settle` gives it back. `None` once the queue is closed.
    pub async fn take(&self) -> Option<Uuid> {
        loop {
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let due = {
                let mut agenda = lock(&self.agenda);
                if let Some(workspace) = agenda.next(Instant::now(), |workspace| self.lead.leads(workspace)) {
                    return Some(workspace);
                }
                agenda.due()
            };
            let pause = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = pause => {}
            }
        }
    }

    /// What came of a step.
    pub fn settle(&self, workspace: Uuid, step: Result<Progress, ConsumerError>) {
        let (leads, epoch) = (self.lead.leads(workspace), self.lead.epoch(workspace));
        let mut agenda = lock(&self.agenda);
        let report = match step {
            Ok(Progress { position, more }) => {
                agenda.done(workspace, position, more);
                Report::well(position)
            }
            Err(_) if wrong::is(FailureTakenForDone) => return agenda.dropped(workspace),
            Err(error) if !leads => {
                tracing::debug!(consumer = self.name(), %workspace, error = chain(error.as_ref()), "a step failed here");
                return agenda.dropped(workspace);
            }
            Err(error) => {
                let error: String = chain(error.as_ref()).chars().take(ERROR_MAX).collect();
                let failure = agenda.failed(workspace, error, Instant::now(), Utc::now()).clone();
                let (consumer, error, pause) = (self.name(), &failure.error, failure.pause);
                tracing::error!(consumer, %workspace, error, ?pause, "a step failed and will be tried again");
                Report::failing(agenda.position(workspace), failure)
            }
        };
        drop(agenda);
        self.changed.notify_one(); // there may be more to take, or a pause to wait for
        if let Some(epoch) = epoch {
            lock(&self.reports).insert(workspace, report.under(epoch));
        }
    }

    /// Nothing is begun any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    // What is to be told of it

    pub fn take_reports(&self) -> HashMap<Uuid, Report> {
        std::mem::take(&mut *lock(&self.reports))
    }

    /// They could not be told; what came later stands.
    pub fn return_reports(&self, reports: HashMap<Uuid, Report>) {
        let mut newer = lock(&self.reports);
        for (workspace, report) in reports {
            newer.entry(workspace).or_insert(report);
        }
    }

    pub fn failing(&self) -> Vec<(Uuid, String)> {
        let agenda = lock(&self.agenda);
        let failures = agenda.failures();
        failures
            .map(|(workspace, failure)| (workspace, failure.error.clone()))
            .collect()
    }

    pub fn lag(&self, heads: &HashMap<Uuid, i64>) -> Lag {
        lock(&self.agenda).lag(|workspace| self.lead.leads(workspace), heads)
    }
}
