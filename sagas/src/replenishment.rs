//! Replenishment: when less of a product is there for others than should be, who orders goods is told, once each time it
//! falls. An instance is a product; it never ends, for it may fall again.

use crate::{Act, Owed, Saga, Seen, Standing, refused::Refusals};
use domain::{
    Fact, Quantity, Role,
    catalog::stock::StockEvent,
    id::{NotificationId, derive},
    office::notification::{self, Audience, NotificationEvent, Topic},
    process::ProcessEvent,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Who hears of it.
const TOLD: [Role; 2] = [Role::Owner, Role::Stockkeeper];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Replenishment {
    #[default]
    Idle,
    Fallen(Box<Fallen>),
    Abandoned,
}

/// The last time it fell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallen {
    /// How often it has.
    times: u32,
    product_code: String,
    product_name: String,
    unit: String,
    available: Quantity,
    min: Quantity,
    /// Notifications that were sent, or are not to be.
    settled: BTreeSet<Uuid>,
    refused: Refusals,
}

impl Saga for Replenishment {
    const NAME: &'static str = "replenishment";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Stock(StockEvent::Low { product_id, .. }) => Some((*product_id).into()),
            Fact::Notification(NotificationEvent::Created(created)) if created.topic == Topic::StockLow => {
                Some(created.about)
            }
            Fact::Process(event) => event.instance_of(Self::NAME),
            _ => None,
        }
    }

    fn evolve(self, seen: &Seen) -> Self {
        let mut fallen = match (self, seen.fact.as_ref()) {
            (Self::Abandoned, _) => return Self::Abandoned,
            (Self::Idle, Fact::Stock(event)) => return Self::fell(event, 1),
            (Self::Idle, _) => return Self::Idle,
            (Self::Fallen(fallen), Fact::Stock(event @ StockEvent::Low { .. })) => {
                return Self::fell(event, fallen.times.saturating_add(1));
            }
            (Self::Fallen(fallen), _) => fallen,
        };
        match seen.fact.as_ref() {
            Fact::Notification(NotificationEvent::Created(_)) => _ = fallen.settled.insert(seen.id),
            Fact::Process(ProcessEvent::StepRefused(refusal)) => fallen.refused.note(refusal, seen.at),
            Fact::Process(ProcessEvent::StepRetried(decision)) => fallen.refused.clear(&decision.step),
            Fact::Process(ProcessEvent::StepSkipped(decision)) => {
                fallen.refused.clear(&decision.step);
                fallen.settled.insert(derive(decision.instance, &decision.step));
            }
            Fact::Process(ProcessEvent::Abandoned(_)) => return Self::Abandoned,
            _ => {}
        }
        Self::Fallen(fallen)
    }

    fn owed(&self, product: Uuid) -> Vec<Owed> {
        match self {
            Self::Fallen(fallen) => fallen.owed(product),
            Self::Idle | Self::Abandoned => vec![],
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Idle => Standing::Idle,
            Self::Abandoned => Standing::Abandoned,
            Self::Fallen(fallen) => fallen.refused.standing().unwrap_or_else(|| Standing::Waiting {
                reason: format!("at least {} of {}", fallen.min, fallen.product_code),
            }),
        }
    }

    fn refused(&self) -> Vec<String> {
        match self {
            Self::Fallen(fallen) => fallen.refused.steps(),
            Self::Idle | Self::Abandoned => vec![],
        }
    }
}

impl Replenishment {
    fn fell(event: &StockEvent, times: u32) -> Self {
        let StockEvent::Low {
            product_code,
            product_name,
            unit,
            available,
            min,
            ..
        } = event
        else {
            return Self::Idle;
        };
        Self::Fallen(Box::new(Fallen {
            times,
            product_code: product_code.clone(),
            product_name: product_name.clone(),
            unit: unit.clone(),
            available: *available,
            min: *min,
            settled: BTreeSet::new(),
            refused: Refusals::default(),
        }))
    }
}

impl Fallen {
    fn owed(&self, product: Uuid) -> Vec<Owed> {
        let steps = TOLD
            .iter()
            .map(|role| (*role, format!("tell {} {}", role.code(), self.times)));
        let open =
            steps.filter(|(_, step)| !self.settled.contains(&derive(product, step)) && !self.refused.contains(step));
        open.map(|(role, step)| self.tell(product, role, step)).collect()
    }

    fn tell(&self, product: Uuid, role: Role, step: String) -> Owed {
        let data = json!({
            "productId": product, "productCode": self.product_code, "productName": self.product_name, "unit": self.unit,
            "available": self.available, "minStock": self.min,
        });
        let created = notification::Created {
            topic: Topic::StockLow,
            audience: Audience::Role(role),
            about: product,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        let id = NotificationId::new(derive(product, &step));
        Owed::new(step, Act::Notify(id, Box::new(created)))
    }
}

#[cfg(test)]
mod tests;
