//! What a deal's commands need to know first: the products its lines name, and its customer.

use crate::{Context, Done, Error, Executor};
use chrono::NaiveDate;
use domain::{
    Changes, Patch, Rule, Violations,
    catalog::product::Product,
    check::ITEMS_MAX,
    finance::vat,
    id::{CustomerId, DealId, UserId, WorkspaceId},
    identity::{user::User, workspace::Workspace},
    sales::{
        LineRequest,
        customer::Customer,
        deal::{Change, Deal, DealCommand, DealEvent, DealRejection, Details, Draft, Stage},
        line::LineDraft,
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::Deserialize;

type Answer = Result<Done<DealEvent>, Error<DealRejection>>;

/// What a request says of a deal beside the fields of its details.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Beside {
    pub stage: Patch<Stage>,
    /// Replaces all lines.
    #[schemars(length(max = ITEMS_MAX))]
    pub products: Patch<Vec<LineRequest>>,
}

/// Opens a deal.
pub async fn create(executor: &Executor, id: DealId, mut change: Change, beside: Beside, context: &Context) -> Answer {
    if let Some(first) = executor.repeated::<Deal>(id, context).await? {
        return Ok(first);
    }
    look_up(executor, context.workspace, &mut change).await?;
    let products = priced(executor, beside.products, context).await?;
    let draft = Draft {
        details: Details::begin(&change),
        stage: beside.stage.set().unwrap_or_default(),
        products: products.unwrap_or_default(),
    };
    executor
        .execute::<Deal>(id, &DealCommand::Create(Box::new(draft)), context)
        .await
}

/// Changes a deal, and its stage when one is named.
pub async fn update(executor: &Executor, id: DealId, mut change: Change, beside: Beside, context: &Context) -> Answer {
    if let Some(first) = executor.repeated::<Deal>(id, context).await? {
        return Ok(first);
    }
    look_up(executor, context.workspace, &mut change).await?;
    let command = DealCommand::Update {
        change: Box::new(change),
        products: priced(executor, beside.products, context).await?,
        stage: beside.stage.set(),
    };
    executor.execute::<Deal>(id, &command, context).await
}

/// The names of whom the change names; who is taken out takes the name along.
async fn look_up(executor: &Executor, workspace: WorkspaceId, change: &mut Change) -> Result<(), Error<DealRejection>> {
    if let Patch::Set(customer) = change.customer_id {
        change.customer_name = Patch::Set(match customer {
            Some(customer) => Some(customer_name(executor, workspace, customer).await?),
            None => None,
        });
    }
    if let Patch::Set(user) = change.assigned_to {
        change.assigned_to_name = Patch::Set(match user {
            Some(user) => Some(member_name(executor, workspace, user).await?),
            None => None,
        });
    }
    Ok(())
}

async fn priced(
    executor: &Executor,
    products: Patch<Vec<LineRequest>>,
    context: &Context,
) -> Result<Option<Vec<LineDraft>>, Error<DealRejection>> {
    let Patch::Set(requests) = products else {
        return Ok(None);
    };
    let today = local_date(context.now);
    lines(executor, context.workspace, "products", &requests, today)
        .await
        .map(Some)
}

/// Looks up the products of the lines; `field` names the list in errors.
pub async fn lines<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    field: &str,
    requests: &[LineRequest],
    today: NaiveDate,
) -> Result<Vec<LineDraft>, Error<R>> {
    let mut drafts = Vec::with_capacity(requests.len().min(ITEMS_MAX));
    for (n, request) in requests.iter().enumerate().take(ITEMS_MAX + 1) {
        let product = executor.load::<Product, R>(workspace, request.product_id).await?.state;
        let Some(details) = product.details() else {
            return Err(Error::NoSuchReference(Violations::one(
                format!("{field}[{n}].productId"),
                Rule::Unknown,
            )));
        };
        let tax = request
            .tax
            .or(details.vat_rate)
            .unwrap_or_else(|| vat::general_rate(today));
        let list_price = if details.vat_included {
            vat::without(details.price, tax).unwrap_or(details.price)
        } else {
            details.price
        };
        drafts.push(LineDraft {
            product_id: request.product_id,
            product_name: details.name.clone(),
            product_code: Some(details.code.clone()),
            kind: details.kind,
            quantity: request.quantity,
            unit_price: request.unit_price.unwrap_or(list_price),
            discount: request.discount.unwrap_or_default(),
            tax,
        });
    }
    Ok(drafts)
}

/// The name of the customer a document is for.
pub async fn customer_name<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<String, Error<R>> {
    let customer = executor.load::<Customer, R>(workspace, customer).await?.state;
    let name = customer.profile().map(|profile| profile.name.clone());
    name.ok_or_else(|| Error::NoSuchReference(Violations::one("customerId", Rule::Unknown)))
}

/// The name of the member a deal is assigned to.
async fn member_name<R>(executor: &Executor, workspace: WorkspaceId, user: UserId) -> Result<String, Error<R>> {
    let unknown = || Error::NoSuchReference(Violations::one("assignedTo", Rule::Unknown));
    let members = executor
        .load::<Workspace, R>(WorkspaceId::PLATFORM, workspace)
        .await?
        .state;
    if !members.has_member(user) {
        return Err(unknown());
    }
    let user = executor.load::<User, R>(WorkspaceId::PLATFORM, user).await?.state;
    user.name().map(str::to_owned).ok_or_else(unknown)
}
