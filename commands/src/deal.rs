//! What a deal's commands need to know first: the products its lines name, and its customer.

use crate::{Context, Done, Error, Executor};
use chrono::NaiveDate;
use domain::{
    Money, Percent, Quantity, Rule, Violations,
    catalog::product::Product,
    finance::vat,
    id::{CustomerId, DealId, ProductId, UserId, WorkspaceId},
    identity::{user::User, workspace::Workspace},
    sales::{
        customer::Customer,
        deal::{Change, Deal, DealCommand, DealEvent, DealRejection, Draft, Stage},
        line::LineDraft,
    },
    time::local_date,
};

type Answer = Result<Done<DealEvent>, Error<DealRejection>>;

/// Opens a deal. The draft's lines and customer name are looked up here.
pub async fn create(
    executor: &Executor,
    id: DealId,
    mut draft: Draft,
    products: &[LineRequest],
    context: &Context,
) -> Answer {
    if let Some(first) = executor.repeated::<Deal>(id, context).await? {
        return Ok(first);
    }
    if let Some(customer) = draft.details.customer_id {
        draft.details.customer_name = Some(customer_name(executor, context.workspace, customer).await?);
    }
    if let Some(user) = draft.details.assigned_to {
        draft.details.assigned_to_name = Some(member_name(executor, context.workspace, user).await?);
    }
    draft.products = lines(
        executor,
        context.workspace,
        "products",
        products,
        local_date(context.now),
    )
    .await?;
    executor
        .execute::<Deal>(id, &DealCommand::Create(Box::new(draft)), context)
        .await
}

/// Changes a deal, and its stage when one is named.
pub async fn update(
    executor: &Executor,
    id: DealId,
    mut change: Change,
    products: Option<&[LineRequest]>,
    stage: Option<Stage>,
    context: &Context,
) -> Answer {
    if let Some(first) = executor.repeated::<Deal>(id, context).await? {
        return Ok(first);
    }
    if let Some(customer) = change.customer_id {
        change.customer_name = Some(customer_name(executor, context.workspace, customer).await?);
    }
    if let Some(user) = change.assigned_to {
        change.assigned_to_name = Some(member_name(executor, context.workspace, user).await?);
    }
    let products = match products {
        Some(products) => Some(
            lines(
                executor,
                context.workspace,
                "products",
                products,
                local_date(context.now),
            )
            .await?,
        ),
        None => None,
    };
    executor
        .execute::<Deal>(
            id,
            &DealCommand::Update {
                change: Box::new(change),
                products,
                stage,
            },
            context,
        )
        .await
}

/// A line as a caller asks for it: what is left out comes from the product, or from the law of the day.
#[derive(Debug, Clone)]
pub struct LineRequest {
    pub product_id: ProductId,
    pub quantity: Quantity,
    pub unit_price: Option<Money>,
    pub discount: Option<Percent>,
    pub tax: Option<Percent>,
}

/// Looks up the products of the lines; `field` names the list in errors.
pub async fn lines<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    field: &str,
    requests: &[LineRequest],
    today: NaiveDate,
) -> Result<Vec<LineDraft>, Error<R>> {
    let mut drafts = Vec::with_capacity(requests.len().min(domain::check::ITEMS_MAX));
    for (n, request) in requests.iter().enumerate().take(domain::check::ITEMS_MAX + 1) {
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
