//! What the owners hear of a process about an order: that a step of it was refused, and that it takes too long. Each once.

use crate::{
    Act, Owed,
    deadline::{BY_ITSELF, PARKED},
    refused::{Refusals, Refused},
};
use chrono::{DateTime, Utc};
use domain::{
    Fact, Role,
    id::{NotificationId, derive},
    office::notification::{self, Audience, NotificationEvent, Topic},
    time::local_date,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub struct Concern<'a> {
    pub saga: &'static str,
    /// What it does, for the names of the steps: `cancellation`.
    pub what: &'static str,
    pub order: Uuid,
    pub number: &'a str,
    /// When it began, or went on by a person's word.
    pub since: DateTime<Utc>,
    pub refused: &'a Refusals,
    pub told: &'a BTreeSet<NotificationId>,
}

/// The order that such news are about.
pub fn about(fact: &Fact) -> Option<Uuid> {
    match fact {
        Fact::Notification(NotificationEvent::Created(created)) => {
            matches!(created.topic, Topic::ProcessParked | Topic::ProcessLate).then_some(created.about)
        }
        _ => None,
    }
}

impl Concern<'_> {
    pub fn owed(&self) -> Vec<Owed> {
        self.parked().into_iter().chain(self.late()).collect()
    }

    /// A refused step waits for a person, who has to be told.
    fn parked(&self) -> Option<Owed> {
        let Refused { step, code, .. } = self.refused.first()?;
        let data =
            json!({"saga": self.saga, "orderId": self.order, "orderNumber": self.number, "step": step, "reason": code});
        self.tell(format!("tell parked {}", self.what), Topic::ProcessParked, &data)
    }

    /// Should it not have come to its end by then.
    fn late(&self) -> Option<Owed> {
        let (how, since, within) = match self.refused.first() {
            None => ("late", self.since, BY_ITSELF),
            Some(refused) => ("still parked", refused.at, PARKED),
        };
        let data = json!({"saga": self.saga, "orderId": self.order, "number": self.number, "since": local_date(since)});
        let owed = self.tell(format!("tell {how} {}", self.what), Topic::ProcessLate, &data)?;
        Some(owed.not_before(since + within))
    }

    /// Unless it was told.
    fn tell(&self, step: String, topic: Topic, data: &Value) -> Option<Owed> {
        let id = NotificationId::new(derive(self.order, &step));
        let created = notification::Created {
            topic,
            audience: Audience::Role(Role::Owner),
            about: self.order,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        (!self.told.contains(&id)).then(|| Owed::new(step, Act::Notify(id, Box::new(created))))
    }
}
