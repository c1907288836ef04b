//! What sagas ask for, carried out on the small world.

use super::*;
use domain::{
    finance::invoice::{self, InvoiceKind, Revocation},
    id::InvoiceId,
    office::notification::NotificationCommand,
    production::{
        bom::explode,
        production_order::{Draft, Priority, ProductionOrderCommand, ProductionOrderRejection},
    },
};

impl World {
    pub fn act(&mut self, act: Act) -> Result<(), String> {
        let facts = &mut self.facts;
        match act {
            Act::CreateOrder(id, created) => {
                execute(&mut self.orders, facts, id, &OrderCommand::Create(created), Fact::Order)
            }
            Act::CompleteOrder(id) => execute(&mut self.orders, facts, id, &OrderCommand::Complete, Fact::Order),
            Act::CreateInvoice(id, created) => execute(
                &mut self.invoices,
                facts,
                id,
                &InvoiceCommand::Create(created),
                Fact::Invoice,
            ),
            Act::BillOrder(id, date) => {
                let order = self.orders.get(&id.uuid()).and_then(Order::known);
                let bill = order.ok_or("invoice.missing")?.bill(id, date, 30);
                let create = InvoiceCommand::Create(Box::new(bill));
                execute(
                    &mut self.invoices,
                    facts,
                    InvoiceId::of_order(id),
                    &create,
                    Fact::Invoice,
                )
            }
            Act::Notify(id, created) => execute(
                &mut self.notifications,
                facts,
                id,
                &NotificationCommand::Notify(created),
                Fact::Notification,
            ),
            Act::Reserve(product_id, demand, quantity) => execute(
                &mut self.stocks,
                facts,
                StockId::of(product_id),
                &StockCommand::Reserve {
                    product_id,
                    demand,
                    quantity,
                    least: None,
                },
                Fact::Stock,
            ),
            Act::Schedule(id, start) => execute(
                &mut self.production_orders,
                facts,
                id,
                &ProductionOrderCommand::Schedule { start },
                Fact::ProductionOrder,
            ),
            Act::StopProduction(id, order_id, scrap) => {
                let cancel = ProductionOrderCommand::Cancel { order_id, scrap };
                execute(&mut self.production_orders, facts, id, &cancel, Fact::ProductionOrder)
            }
            Act::Release(product_id, demand) => {
                let release = StockCommand::Release { product_id, demand };
                execute(&mut self.stocks, facts, StockId::of(product_id), &release, Fact::Stock)
            }
            Act::Revoke(id, order_id, deal_id, refund) => {
                let revoke = InvoiceCommand::Revoke(Revocation {
                    order_id,
                    deal_id,
                    refund,
                    credit_note_id: id.credit_note(),
                });
                execute(&mut self.invoices, facts, id, &revoke, Fact::Invoice)
            }
            Act::WriteCreditNote(id, date) => {
                let known = self.invoices.get(&id.uuid()).and_then(Invoice::known);
                let bill = known.ok_or("invoice.missing")?.bill();
                let note = invoice::Created {
                    kind: InvoiceKind::Credit,
                    issue_date: date,
                    ..bill.clone()
                };
                let create = InvoiceCommand::Create(Box::new(note));
                execute(&mut self.invoices, facts, id.credit_note(), &create, Fact::Invoice)
            }
            Act::AwaitBill(product_id, order_id, line) => {
                let ask = BomCommand::Await {
                    product_id,
                    order_id,
                    line,
                };
                execute(&mut self.boms, facts, BomId::of(product_id), &ask, Fact::Bom)
            }
            Act::Produce(id, request) => {
                let bom = self.boms.get(&BomId::of(request.product_id).into());
                let bill = bom.and_then(Bom::bill).map(|bill| (request.product_id, bill.clone()));
                let explosion = explode(request.product_id, request.quantity, &bill.into_iter().collect());
                let explosion = explosion.map_err(|_| ProductionOrderRejection::NoBill.code().to_owned())?;
                let draft = Draft {
                    id,
                    order_id: request.order_id,
                    order_number: request.order_number,
                    line: request.line,
                    product_id: request.product_id,
                    product_name: request.product_name,
                    quantity: request.quantity,
                    priority: Priority::Medium,
                    due_date: None,
                    bom_version: 1,
                    explosion,
                    notes: None,
                };
                execute(
                    &mut self.production_orders,
                    facts,
                    id,
                    &ProductionOrderCommand::Create(Box::new(draft)),
                    Fact::ProductionOrder,
                )
            }
        }
    }
}
