//! OrderFulfillmentOrchestrator: one production order per manufactured line, its materials reserved, then planned;
//! goods in stock reserved. A shortage does not stop the chain: the line waits, people are told, and goods that arrive
//! reserve themselves for it (the stock keeps the line); then it is planned. So does a product nobody has yet said how
//! to make: the line waits for its bill of materials, which tells those that wait (the bill keeps the line, too). Whatever
//! a line waits for, somebody is told when it has taken too long (wait.rs). Lines that a change ends are wanted no longer, and
//! those that it begins are taken up, also where all was done (changed.rs).

use crate::{
    Act, Owed, Seen,
    course::{Course, Runs},
    deadline::PARKED,
    refused::{Refusals, Refused},
};
use chrono::{DateTime, Utc};
use commands::production_order::Request;
use domain::{
    Fact, Number, Quantity, Rejection, Role,
    catalog::stock::{Demand, StockEvent},
    id::{NotificationId, OrderId, ProductId, ProductionOrderId, UserId, derive},
    office::notification::{self, Audience, NotificationEvent, Topic},
    process::{ProcessEvent, Refusal},
    production::{
        bom::BomEvent,
        production_order::{ProductionOrderEvent, ProductionOrderRejection},
    },
    sales::{
        line::numbered,
        order::{self, OrderEvent},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

mod changed;
mod decided;
mod line;
mod wait;

use line::{LineRun, Need, Production, Stage};

pub type OrderFulfillment = Course<Run>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    order_number: Number,
    assigned_to: Option<UserId>,
    /// By the order's line, from 0; services and adjustments need nothing and are not here.
    lines: BTreeMap<u32, LineRun>,
    told: BTreeSet<NotificationId>,
    refused: Refusals,
    /// The change of the order that began it again; 0 of one that began with the order.
    #[serde(default)]
    of_change: u32,
}

/// The step that creates the production order.
fn make(line: u32) -> String {
    format!("produce line {line}")
}

/// The same after the line has waited for a bill.
fn make_by_bill(line: u32) -> String {
    format!("produce line {line} by its bill")
}

fn await_bill(line: u32) -> String {
    format!("await the bill of line {line}")
}

fn reserve(product: ProductId, line: u32) -> String {
    format!("reserve {product} for line {line}")
}

fn schedule(line: u32) -> String {
    format!("schedule line {line}")
}

pub fn production_order_id(order: Uuid, line: u32) -> ProductionOrderId {
    ProductionOrderId::of_line(order, line)
}

impl Runs for Run {
    const NAME: &'static str = "order_fulfillment_orchestrator";

    fn instance(seen: &Seen) -> Option<Uuid> {
        match seen.fact.as_ref() {
            Fact::Order(
                OrderEvent::Created(_) | OrderEvent::Placed(_) | OrderEvent::Changed(_) | OrderEvent::Cancelled(_),
            ) => Some(seen.id),
            Fact::ProductionOrder(ProductionOrderEvent::Created(created)) => Some(created.order_id.into()),
            Fact::ProductionOrder(ProductionOrderEvent::Scheduled { order_id, .. }) => Some((*order_id).into()),
            Fact::Stock(StockEvent::Reserved { demand, .. } | StockEvent::Short { demand, .. }) => {
                Some(demand.order_id.into())
            }
            Fact::Bom(BomEvent::Awaited { order_id, .. } | BomEvent::Provided { order_id, .. }) => {
                Some((*order_id).into())
            }
            Fact::Notification(NotificationEvent::Created(created)) => Some(created.about),
            Fact::Process(event) => event.instance_of(Self::NAME),
            _ => None,
        }
    }

    /// Nothing follows from a draft until it is placed.
    fn begin(seen: &Seen) -> Option<Self> {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Created(order)) if order.status == order::Status::Draft => None,
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => Some(Self::new(order, seen.at)),
            Fact::Order(OrderEvent::Changed(changed)) => Some(Self::of_change(changed)),
            _ => None,
        }
    }

    fn begins_again(seen: &Seen) -> bool {
        matches!(seen.fact.as_ref(), Fact::Order(OrderEvent::Changed(_)))
    }

    fn see(&mut self, seen: &Seen) -> bool {
        // What was done for it is undone by another process.
        if let Fact::Order(OrderEvent::Cancelled(_)) = seen.fact.as_ref() {
            return true;
        }
        let waits = self.waits();
        self.note(seen);
        self.note_waits(&waits, seen.at);
        self.refused.is_empty() && self.lines.values().all(|line| line.stage == Stage::Settled)
    }

    fn owed(&self, order: Uuid) -> Vec<Owed> {
        let steps = self.lines.iter().flat_map(|(n, line)| self.owed_for(order, *n, line));
        steps.chain(self.parked(order)).chain(self.late(order)).collect()
    }

    fn refused(&self) -> &Refusals {
        &self.refused
    }

    fn waits_for(&self) -> Option<String> {
        let missing: Vec<String> = self.lines.iter().flat_map(|(n, line)| line.shortages(*n)).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

impl Run {
    fn new(order: &order::Created, at: DateTime<Utc>) -> Self {
        Self {
            order_number: order.order_number.clone(),
            assigned_to: order.assigned_to,
            lines: numbered(&order.items)
                .filter_map(|(n, line)| Some((n, LineRun::begin(line, at)?)))
                .collect(),
            told: BTreeSet::new(),
            refused: Refusals::default(),
            of_change: 0,
        }
    }

    fn note(&mut self, seen: &Seen) {
        match seen.fact.as_ref() {
            Fact::Order(OrderEvent::Changed(changed)) => self.change(changed, seen.at),
            Fact::ProductionOrder(ProductionOrderEvent::Created(created)) => {
                let ours = production_order_id(created.order_id.into(), created.line).uuid() == seen.id;
                if let Some(line) = self
                    .lines
                    .get_mut(&created.line)
                    .filter(|line| ours && line.is_to_be_made())
                {
                    let needs = created.materials.iter().map(|material| {
                        (
                            material.material_id,
                            Need::new(&material.material_name, material.quantity),
                        )
                    });
                    let production = Production {
                        id: seen.id.into(),
                        number: created.production_number.clone(),
                    };
                    line.stage = Stage::Hold {
                        production: Some(production),
                        needs: needs.collect(),
                        ready_at: None,
                    };
                }
            }
            Fact::ProductionOrder(ProductionOrderEvent::Scheduled { .. }) => {
                let scheduled = self.lines.values_mut().find(|line| {
                    line.production()
                        .is_some_and(|production| production.id.uuid() == seen.id)
                });
                if let Some(line) = scheduled {
                    line.stage = Stage::Settled;
                }
            }
            Fact::Stock(StockEvent::Reserved {
                product_id,
                demand,
                quantity,
            }) => self.answer(demand, *product_id, seen.at, |need| {
                need.reserved = need.reserved.plus(*quantity);
                need.missing = need.missing.minus(*quantity).max(Quantity::ZERO);
            }),
            Fact::Stock(StockEvent::Short {
                product_id,
                demand,
                missing,
            }) => self.answer(demand, *product_id, seen.at, |need| need.missing = *missing),
            Fact::Notification(NotificationEvent::Created(_)) => {
                self.told.insert(seen.id.into());
            }
            Fact::Bom(BomEvent::Awaited { line, .. }) => {
                if let Some(Stage::Unbilled { asked }) = self.lines.get_mut(line).map(|line| &mut line.stage) {
                    *asked = true;
                }
            }
            Fact::Bom(BomEvent::Provided { line, .. }) => {
                if let Some(stage @ Stage::Unbilled { .. }) = self.lines.get_mut(line).map(|line| &mut line.stage) {
                    *stage = Stage::Billed;
                }
            }
            Fact::Process(ProcessEvent::StepRefused(refusal)) => self.refuse(refusal, seen.at),
            Fact::Process(ProcessEvent::StepRetried(decision)) => self.retry(decision, seen.at),
            Fact::Process(ProcessEvent::StepSkipped(decision)) => self.skip(decision, seen.at),
            _ => {}
        }
    }

    fn refuse(&mut self, refusal: &Refusal, at: DateTime<Utc>) {
        let no_bill = refusal.code == ProductionOrderRejection::NoBill.code();
        let unbilled = self
            .lines
            .iter_mut()
            .find(|(n, _)| no_bill && refusal.step == make(**n));
        match unbilled {
            Some((_, line)) if line.stage == Stage::Make => line.stage = Stage::Unbilled { asked: false },
            // Told twice: it waits already, or does not need to any more.
            Some(_) => {}
            None => self.refused.note(refusal, at),
        }
    }

    fn answer(&mut self, demand: &Demand, product: ProductId, at: DateTime<Utc>, change: impl FnOnce(&mut Need)) {
        let Some(line) = self.lines.get_mut(&demand.line) else {
            return;
        };
        let Stage::Hold { needs, .. } = &mut line.stage else {
            return;
        };
        let Some(need) = needs.get_mut(&product) else { return };
        change(need);
        need.answered = true;
        line.go_on_if_held(at);
    }

    fn owed_for(&self, order: Uuid, n: u32, line: &LineRun) -> Vec<Owed> {
        match &line.stage {
            Stage::Settled => vec![],
            Stage::Make => vec![self.produce(make(n), order, n, line)],
            Stage::Billed => vec![self.produce(make_by_bill(n), order, n, line)],
            Stage::Unbilled { asked } => {
                let ask = Act::AwaitBill(line.product_id, OrderId::new(order), n);
                let ask = (!asked).then(|| Owed::new(await_bill(n), ask));
                let data = json!({
                    "orderId": order, "orderNumber": self.order_number, "line": n,
                    "productId": line.product_id, "productName": line.product_name,
                });
                let tell = self.tell(
                    order,
                    format!("tell missing bill of line {n}"),
                    Topic::BillMissing,
                    data,
                );
                ask.into_iter().chain(tell).collect()
            }
            Stage::Hold {
                production: Some(production),
                ready_at: Some(start),
                ..
            } => {
                vec![Owed::new(schedule(n), Act::Schedule(production.id, *start))]
            }
            Stage::Hold { production, needs, .. } => {
                let unasked = needs.iter().filter(|(_, need)| !need.answered);
                let reserve =
                    unasked.map(|(product, need)| self.reserve(order, n, production.as_ref(), *product, need.quantity));
                reserve.chain(self.shortage(order, n, line)).collect()
            }
        }
    }

    fn produce(&self, step: String, order: Uuid, n: u32, line: &LineRun) -> Owed {
        let request = Request {
            order_id: OrderId::new(order),
            order_number: self.order_number.clone(),
            line: n,
            product_id: line.product_id,
            product_name: line.product_name.clone(),
            quantity: line.quantity,
        };
        Owed::new(step, Act::Produce(production_order_id(order, n), request))
    }

    fn reserve(
        &self,
        order: Uuid,
        n: u32,
        production: Option<&Production>,
        product: ProductId,
        quantity: Quantity,
    ) -> Owed {
        let step = reserve(product, n);
        let demand = Demand {
            id: Demand::id_of(order, product, n),
            order_id: OrderId::new(order),
            line: n,
            production_order_id: production.map(|production| production.id),
            reference: production
                .map_or(&self.order_number, |production| &production.number)
                .to_string(),
        };
        Owed::new(step, Act::Reserve(product, demand, quantity))
    }

    /// Somebody should know what is missing.
    fn shortage(&self, order: Uuid, n: u32, line: &LineRun) -> Option<Owed> {
        let (missing, production) = (line.short_of()?, line.production());
        let data = json!({
            "orderId": order, "orderNumber": self.order_number, "line": n, "productName": line.product_name,
            "productionNumber": production.map(|production| &production.number),
            "materialName": missing.name, "missing": missing.missing,
        });
        self.tell(
            order,
            format!("tell shortage of line {n}"),
            Topic::ProductionShortage,
            data,
        )
    }

    /// A refused step waits for a person, who has to be told.
    fn parked(&self, order: Uuid) -> Option<Owed> {
        let Refused { step, code, .. } = self.refused.first()?;
        let data = json!({"saga": Self::NAME, "orderId": order, "orderNumber": self.order_number, "step": step, "reason": code});
        self.tell(order, "tell parked".to_owned(), Topic::ProcessParked, data)
    }

    fn tell(&self, order: Uuid, step: String, topic: Topic, data: Value) -> Option<Owed> {
        self.tell_whom(Audience::Role(Role::Owner), order, step, topic, data)
    }

    fn tell_whom(&self, audience: Audience, order: Uuid, step: String, topic: Topic, data: Value) -> Option<Owed> {
        let step = self.of_its_change(step);
        let id = NotificationId::new(derive(order, &step));
        let data = data.as_object().cloned().unwrap_or_default();
        let created = notification::Created {
            topic,
            audience,
            about: order,
            data,
        };
        (!self.told.contains(&id)).then(|| Owed::new(step, Act::Notify(id, Box::new(created))))
    }
}

#[cfg(test)]
mod tests;
