//! Cancelling: what it would undo is looked up, shown, and decided on as it was looked up. Where anything of it has moved
//! meanwhile, it is looked up again.

use super::Answer;
use crate::{Actor, Context, Error, Executor, anew::while_busy};
use domain::{
    Aggregate, Permission,
    finance::invoice::Invoice,
    id::{InvoiceId, OrderId, ProductionOrderId, WorkspaceId},
    production::production_order::ProductionOrder,
    sales::order::{
        Cancellation, InvoiceAct, Known, Order, OrderCommand, OrderRejection, Plan, PlannedInvoice, PlannedProduction,
        ProductionAct,
    },
};
use log::Guard;
use std::collections::BTreeSet;

/// What cancelling would undo, and what it was read from.
pub struct Found {
    pub order: Known,
    pub version: i64,
    pub plan: Plan,
    guards: Vec<Guard>,
}

/// For whoever may see the order. `invoices` are those that are known to be for it.
pub async fn cancellation(
    executor: &Executor,
    workspace: WorkspaceId,
    actor: &Actor,
    id: OrderId,
    invoices: &[InvoiceId],
) -> Result<Found, Error<OrderRejection>> {
    let loaded = executor.load::<Order, OrderRejection>(workspace, id).await?;
    let order = loaded.state.known().ok_or(Error::Rejected(OrderRejection::Missing))?;
    if !actor.may_on(Permission::OrdersView, loaded.state.belongs()) {
        return Err(Error::Hidden(Order::NAME));
    }
    let mut found = Found {
        order: order.clone(),
        version: loaded.version,
        plan: Plan::default(),
        // The order itself too: a draft that is placed meanwhile holds goods.
        guards: vec![Guard {
            stream_id: id.into(),
            version: loaded.version,
        }],
    };
    found.look_at_lines(executor, workspace, id).await?;
    found.look_at_invoices(executor, workspace, id, invoices).await?;
    Ok(found)
}

/// Cancels an order: what follows is undone by itself.
pub async fn cancel(
    executor: &Executor,
    id: OrderId,
    asked: Cancellation,
    invoices: &[InvoiceId],
    context: &Context,
) -> Answer {
    let answer = while_busy(|| attempt(executor, id, &asked, invoices, context)).await;
    executor.or_first::<Order>(id, context, answer).await
}

async fn attempt(
    executor: &Executor,
    id: OrderId,
    asked: &Cancellation,
    invoices: &[InvoiceId],
    context: &Context,
) -> Answer {
    let found = cancellation(executor, context.workspace, &context.actor, id, invoices).await?;
    let command = OrderCommand::Cancel(Box::new(Cancellation {
        plan: Box::new(found.plan),
        ..asked.clone()
    }));
    executor
        .execute_guarded::<Order>(id, &command, &found.guards, context)
        .await
}

impl Found {
    /// What the lines hold and have made.
    async fn look_at_lines(
        &mut self,
        executor: &Executor,
        workspace: WorkspaceId,
        id: OrderId,
    ) -> Result<(), Error<OrderRejection>> {
        if !self.order.is_placed() {
            return Ok(());
        }
        self.plan.goods = self.order.reserved();
        for (line, item) in (0_u32..).zip(self.order.items()) {
            if !item.is_manufactured() {
                continue;
            }
            let production_order_id = ProductionOrderId::of_line(id, line);
            let loaded = executor
                .load::<ProductionOrder, OrderRejection>(workspace, production_order_id)
                .await?;
            self.guards.push(Guard {
                stream_id: production_order_id.into(),
                version: loaded.version,
            });
            self.plan.production.push(PlannedProduction {
                production_order_id,
                line,
                product_name: item.product_name.clone(),
                status: loaded.state.status(),
                materials: loaded.state.materials().to_vec(),
                act: ProductionAct::on(loaded.state.status()),
            });
        }
        Ok(())
    }

    /// Also the one that follows from it and is not written yet.
    async fn look_at_invoices(
        &mut self,
        executor: &Executor,
        workspace: WorkspaceId,
        id: OrderId,
        known: &[InvoiceId],
    ) -> Result<(), Error<OrderRejection>> {
        let all: BTreeSet<InvoiceId> = known.iter().copied().chain(self.order.invoice(id)).collect();
        for invoice_id in all {
            let loaded = executor.load::<Invoice, OrderRejection>(workspace, invoice_id).await?;
            self.guards.push(Guard {
                stream_id: invoice_id.into(),
                version: loaded.version,
            });
            let invoice = loaded.state.known();
            if invoice.is_some_and(|invoice| invoice.is_closed() || invoice.bill().is_credit()) {
                continue;
            }
            let paid = invoice.map(|invoice| invoice.paid()).unwrap_or_default();
            self.plan.invoices.push(PlannedInvoice {
                invoice_id,
                invoice_number: invoice.map(|invoice| invoice.bill().invoice_number.to_string()),
                amount: invoice.map_or(self.order.total(), |invoice| invoice.bill().amount),
                paid,
                act: if paid.is_zero() {
                    InvoiceAct::Cancel
                } else {
                    InvoiceAct::Credit
                },
            });
        }
        Ok(())
    }
}
