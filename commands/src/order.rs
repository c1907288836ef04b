//! What an order's commands need to know first: the products its lines name, its customer with their terms, its deal, and
//! what its currency is worth.

mod cancellation;
mod crediting;
mod placing;
mod returning;
mod revising;
mod shipping;

pub use cancellation::{Found, cancel, cancellation};
pub use returning::take_back;
pub use revising::{as_it_stands, change, revision};
pub use shipping::ship;

use crate::{Context, Done, Error, Executor, custom_field, deal, price};
use domain::{
    Belongs, Changes, Patch, Permission, Rule, Violations,
    check::ITEMS_MAX,
    finance::{Currency, exchange_rate::ExchangeRate},
    fixed::Rate,
    id::{CustomerId, ExchangeRateId, InvoiceId, OrderId},
    sales::{
        LineRequest,
        customer::Customer,
        deal::Deal,
        line::LineDraft,
        order::{
            Cancellation, Change, Details, Dispatch, Draft, Order, OrderCommand, OrderEvent, OrderRejection, Status,
            Step,
        },
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

type Failure = Error<OrderRejection>;
type Answer = Result<Done<OrderEvent>, Failure>;

/// What a request says of an order beside the fields of its details.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Beside {
    pub status: Patch<Status>,
    /// Replaces all lines.
    #[schemars(length(max = ITEMS_MAX))]
    pub items: Patch<Vec<LineRequest>>,
}

/// What is known to surround an order that moves.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Those that are for it.
    pub invoices: Vec<InvoiceId>,
    /// Its customer's other confirmed orders that are not paid.
    pub unpaid: Vec<OrderId>,
}

/// Places an order by hand, or writes a draft of one.
pub async fn create(
    executor: &Executor,
    id: OrderId,
    change: Change,
    beside: Beside,
    around: &Surroundings,
    context: &Context,
) -> Answer {
    let created = begin(executor, id, change, beside, around, context).await;
    executor.or_repeated::<Order>(id, context, created).await
}

async fn begin(
    executor: &Executor,
    id: OrderId,
    mut change: Change,
    beside: Beside,
    around: &Surroundings,
    context: &Context,
) -> Answer {
    // Who sees only orders that are somebody's would not see what they make.
    let may_see_it = context.actor.may_on(Permission::OrdersView, Belongs::default());
    if let (true, false, Some(user)) = (change.assigned_to.is_keep(), may_see_it, context.actor.user()) {
        change.assigned_to = Patch::Set(Some(user));
    }
    if change.currency.is_keep() {
        change.currency = Patch::Set(Currency::default());
    }
    look_up(executor, None, &mut change, context).await?;
    if let (true, Patch::Set(Some(customer))) = (change.payment_terms.is_keep(), change.customer_id) {
        change.payment_terms = Patch::Set(terms(executor, customer, context).await?);
    }
    let details = Details::begin(&change);
    let items = priced(executor, beside.items, &details, context).await?;
    let draft = Draft {
        details,
        status: beside.status.set().unwrap_or_default(),
        items: items.unwrap_or_default(),
    };
    let status = draft.status;
    let command = OrderCommand::Place(Box::new(draft));
    match status {
        Status::Confirmed => crediting::confirm(executor, id, &command, &around.unpaid, context).await,
        _ => executor.create::<Order>(id, &command, context).await,
    }
}

/// Changes an order, and its status when one is named.
pub async fn update(
    executor: &Executor,
    id: OrderId,
    change: Change,
    beside: Beside,
    around: &Surroundings,
    context: &Context,
) -> Answer {
    let updated = revise(executor, id, change, beside, around, context).await;
    executor.or_repeated::<Order>(id, context, updated).await
}

async fn revise(
    executor: &Executor,
    id: OrderId,
    mut change: Change,
    beside: Beside,
    around: &Surroundings,
    context: &Context,
) -> Answer {
    if let Some(status @ (Status::Shipped | Status::Cancelled)) = beside.status.as_set() {
        let alone = change == Change::default() && beside.items.is_keep();
        return match alone {
            true => go(executor, id, Step::from(*status), around, context).await,
            false => Err(Error::Rejected(Violations::one("status", Rule::NotAllowed).into())),
        };
    }
    look_up(executor, Some(id), &mut change, context).await?;
    let to = beside.status.as_set().copied().unwrap_or(Status::Draft);
    let renewed = placing::renewed(executor, id, &mut change, to, beside.items.is_keep(), context).await?;
    let items = match beside.items.is_keep() {
        true => renewed,
        false => {
            let order = executor.look::<Order, _>(context.workspace, id).await?.state;
            let mut details = order.known().map(|order| order.details().clone()).unwrap_or_default();
            details.apply(&change);
            priced(executor, beside.items, &details, context).await?
        }
    };
    let command = OrderCommand::Update {
        change: Box::new(change),
        items,
        step: beside.status.set().map(Step::from),
    };
    carry_out(executor, id, to, &command, around, context).await
}

/// Moves an order to another status; shipping sends all that is left, cancelling undoes all that followed.
pub async fn go(executor: &Executor, id: OrderId, step: Step, around: &Surroundings, context: &Context) -> Answer {
    if step.status == Status::Shipped {
        let order = executor
            .look::<Order, OrderRejection>(context.workspace, id)
            .await?
            .state;
        if order.known().is_none_or(|order| order.status() != Status::Shipped) {
            let id_of_shipment = Uuid::now_v7().into();
            let all = Dispatch {
                id: id_of_shipment,
                ..Dispatch::default()
            };
            return ship(executor, id, all, context).await;
        }
    }
    if step.status == Status::Cancelled {
        let asked = Cancellation {
            reason: step.note,
            ..Cancellation::default()
        };
        return cancel(executor, id, asked, &around.invoices, context).await;
    }
    let moved = async {
        let to = step.status;
        let command = placing::step(executor, id, step, context).await?;
        carry_out(executor, id, to, &command, around, context).await
    };
    let moved = moved.await;
    executor.or_repeated::<Order>(id, context, moved).await
}

async fn carry_out(
    executor: &Executor,
    id: OrderId,
    to: Status,
    command: &OrderCommand,
    around: &Surroundings,
    context: &Context,
) -> Answer {
    match to {
        Status::Confirmed => crediting::confirm(executor, id, command, &around.unpaid, context).await,
        _ => executor.execute::<Order>(id, command, context).await,
    }
}

/// What the fields that are named bring along from elsewhere; what is taken out takes it away.
async fn look_up(
    executor: &Executor,
    order: Option<OrderId>,
    change: &mut Change,
    context: &Context,
) -> Result<(), Failure> {
    let stands = |order: &Order| order.known()?.details().customer_id;
    let name = executor
        .named(
            "customerId",
            &mut change.customer_id,
            deal::name_of,
            order,
            stands,
            context,
        )
        .await?;
    if !change.customer_id.is_keep() {
        change.customer_name = Patch::Set(name);
    }
    let number = |deal: &Deal| deal.number().map(ToString::to_string);
    let stands = |order: &Order| order.known()?.details().deal_id;
    let number = executor
        .named("dealId", &mut change.deal_id, number, order, stands, context)
        .await?;
    if !change.deal_id.is_keep() {
        change.deal_number = Patch::Set(number);
    }
    if let Patch::Set(Some(user)) = change.assigned_to {
        deal::member_name(executor, context.workspace, user).await?;
    }
    if let Patch::Set(currency) = &change.currency {
        change.exchange_rate = Patch::Set(rate(executor, currency, context).await?);
    }
    custom_field::fit::<Order>(executor, order, &change.custom, context).await
}

/// The customer's, where a new order names no terms of its own.
async fn terms(
    executor: &Executor,
    customer: CustomerId,
    context: &Context,
) -> Result<Option<String>, Error<OrderRejection>> {
    let customer = executor
        .look::<Customer, OrderRejection>(context.workspace, customer)
        .await?
        .state;
    Ok(customer.profile().and_then(|profile| profile.payment_terms.clone()))
}

/// What the currency is worth today.
async fn rate(
    executor: &Executor,
    currency: &Currency,
    context: &Context,
) -> Result<Option<Rate>, Error<OrderRejection>> {
    if currency.is_base() {
        return Ok(None);
    }
    let rates = ExchangeRateId::of(currency);
    let rates = executor
        .look::<ExchangeRate, OrderRejection>(context.workspace, rates)
        .await?
        .state;
    Ok(rates.on(local_date(context.now)))
}

async fn priced(
    executor: &Executor,
    items: Patch<Vec<LineRequest>>,
    details: &Details,
    context: &Context,
) -> Result<Option<Vec<LineDraft>>, Error<OrderRejection>> {
    let Patch::Set(requests) = items else {
        return Ok(None);
    };
    let today = local_date(context.now);
    let mut drafts = deal::lines(executor, context.workspace, "items", &requests, today).await?;
    let (customer, currency) = (details.customer_id, details.currency.clone());
    price::offer(executor, &requests, &mut drafts, customer, currency, context).await?;
    Ok(Some(drafts))
}
