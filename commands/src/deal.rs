//! What a deal's commands need to know first: the products its lines name, its customer, and, when it is won, what the
//! documents that follow take from elsewhere.

use crate::{
    Context, Done, Error, Executor, custom_field,
    pipeline::{self, Wanted},
    price,
};
use chrono::NaiveDate;
use domain::{
    Belongs, Changes, Patch, Permission, Rule, Violations,
    catalog::product::{self, Product},
    check::ITEMS_MAX,
    finance::{Currency, exchange_rate::ExchangeRate, terms::net_days, vat},
    id::{CustomerId, DealId, ExchangeRateId, PipelineId, PipelineStageId, QuoteId, UserId, WorkspaceId},
    identity::{user::User, workspace::Workspace},
    office::custom_field::{Custom, Resource},
    sales::{
        LineRequest,
        customer::Customer,
        deal::{
            Acceptance, Buyer, Change, Circumstances, Deal, DealCommand, DealEvent, DealRejection, Details, Draft,
            Place, Stage, Stand, Win,
        },
        line::{LineDraft, Part, Price},
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// How often the look-up for a won deal is made anew because the deal was changed meanwhile.
const ATTEMPTS_MAX: u32 = 8;

type Failure = Error<DealRejection>;
type Answer = Result<Done<DealEvent>, Failure>;

/// What a request says of a deal beside the fields of its details.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Beside {
    pub stage: Patch<Stage>,
    /// One of the workspace's own pipelines; null: the one that every workspace has.
    pub pipeline_id: Patch<Option<PipelineId>>,
    /// A stage of that pipeline; without it, the first of the deal's kind.
    pub pipeline_stage_id: Patch<PipelineStageId>,
    /// Replaces all lines.
    #[schemars(length(max = ITEMS_MAX))]
    pub products: Patch<Vec<LineRequest>>,
}

impl Beside {
    fn wanted(&self) -> Wanted {
        Wanted {
            pipeline: self.pipeline_id,
            place: self.pipeline_stage_id.as_set().copied(),
            stage: self.stage.as_set().copied(),
        }
    }
}

/// Opens a deal.
pub async fn create(executor: &Executor, id: DealId, change: Change, beside: Beside, context: &Context) -> Answer {
    let created = begin(executor, id, change, beside, context).await;
    executor.or_repeated::<Deal>(id, context, created).await
}

async fn begin(executor: &Executor, id: DealId, mut change: Change, beside: Beside, context: &Context) -> Answer {
    // Who sees only deals that are somebody's would not see what they make.
    let may_see_it = context.actor.may_on(Permission::DealsView, Belongs::default());
    if let (true, false, Some(user)) = (change.assigned_to.is_keep(), may_see_it, context.actor.user()) {
        change.assigned_to = Patch::Set(Some(user));
    }
    look_up(executor, None, &mut change, context).await?;
    let (stage, place) = first_place(executor, &beside.wanted(), context).await?;
    let details = Details::begin(&change);
    let products = priced(executor, beside.products, &details, context).await?;
    let draft = Draft {
        details,
        stage,
        place,
        products: products.unwrap_or_default(),
    };
    executor
        .create::<Deal>(id, &DealCommand::Create(Box::new(draft)), context)
        .await
}

/// Where a new one begins.
async fn first_place(
    executor: &Executor,
    wanted: &Wanted,
    context: &Context,
) -> Result<(Stage, Option<Place>), Error<DealRejection>> {
    if !wanted.names_a_pipeline() {
        return Ok((wanted.stage.unwrap_or_default(), None));
    }
    wanted
        .checked()
        .map_err(|wrong| Error::Rejected(DealRejection::from(wrong)))?;
    let Stand { to, place } = pipeline::begin(executor, wanted, context).await?;
    Ok((to, place))
}

/// Changes a deal, and its stage when one is named.
pub async fn update(executor: &Executor, id: DealId, change: Change, beside: Beside, context: &Context) -> Answer {
    let updated = revise(executor, id, change, beside, context).await;
    executor.or_repeated::<Deal>(id, context, updated).await
}

async fn revise(executor: &Executor, id: DealId, mut change: Change, beside: Beside, context: &Context) -> Answer {
    look_up(executor, Some(id), &mut change, context).await?;
    let wanted = beside.wanted();
    wanted
        .checked()
        .map_err(|wrong| Error::Rejected(DealRejection::from(wrong)))?;
    let products = match beside.products.is_keep() {
        true => None,
        false => {
            let deal = executor.look::<Deal, _>(context.workspace, id).await?.state;
            let mut details = deal.details().cloned().unwrap_or_default();
            details.apply(&change);
            priced(executor, beside.products, &details, context).await?
        }
    };
    let (change, stage) = (Box::new(change), wanted.stage);
    let command = |stand, now| DealCommand::Update {
        change: change.clone(),
        products: products.clone(),
        stage,
        stand,
        now,
    };
    if stage == Some(Stage::Won) {
        let named = Named {
            customer: change.customer_id.set().flatten(),
            currency: change.currency.as_set(),
            custom: Some(&change.custom),
        };
        return win(executor, id, named, |now| command(None, now), context).await;
    }
    let command = |stand| command(stand, Box::default());
    stand(executor, id, &wanted, command, context).await
}

/// Carries out a command that may move a deal along its pipeline: which place is meant is looked up where the request names a
/// pipeline, or the deal is known to be in one; and again when it turns out to be in one, or in another meanwhile.
async fn stand(
    executor: &Executor,
    id: DealId,
    wanted: &Wanted,
    command: impl Fn(Option<Stand>) -> DealCommand,
    context: &Context,
) -> Answer {
    let mut place = None;
    if wanted.names_a_pipeline() {
        place = Some(pipeline::look(executor, id, wanted, context).await?);
    } else if wanted.stage.is_some_and(Stage::is_open) {
        let deal = executor.look::<Deal, DealRejection>(context.workspace, id).await?.state;
        if deal.place().is_some() {
            // What keeps it from being found is told where it is asked for, after what the deal itself refuses.
            place = pipeline::look(executor, id, wanted, context).await.ok();
        }
    }
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        answer = executor.execute::<Deal>(id, &command(place.clone()), context).await;
        if !matches!(answer, Err(Error::Rejected(DealRejection::ChangedMeanwhile))) {
            break;
        }
        place = Some(pipeline::look(executor, id, wanted, context).await?);
    }
    answer
}

/// Moves a deal to a stage, in whichever pipeline.
pub async fn go(executor: &Executor, id: DealId, wanted: Wanted, context: &Context) -> Answer {
    if let (Some(to), false) = (wanted.stage, wanted.names_a_pipeline()) {
        return execute(executor, id, DealCommand::Move { to }, context).await;
    }
    let moved = async {
        wanted
            .checked()
            .map_err(|wrong| Error::Rejected(DealRejection::from(wrong)))?;
        let to = wanted.stage.unwrap_or_default();
        let command = |place: Option<Stand>| place.map_or(DealCommand::Move { to }, DealCommand::Stand);
        stand(executor, id, &wanted, command, context).await
    };
    let moved = moved.await;
    executor.or_repeated::<Deal>(id, context, moved).await
}

/// The names of whom the change names; who is taken out takes the name along.
async fn look_up(
    executor: &Executor,
    deal: Option<DealId>,
    change: &mut Change,
    context: &Context,
) -> Result<(), Failure> {
    let stands = |deal: &Deal| deal.details()?.customer_id;
    let name = executor
        .named("customerId", &mut change.customer_id, name_of, deal, stands, context)
        .await?;
    if !change.customer_id.is_keep() {
        change.customer_name = Patch::Set(name);
    }
    if let Patch::Set(user) = change.assigned_to {
        change.assigned_to_name = Patch::Set(match user {
            Some(user) => Some(member_name(executor, context.workspace, user).await?),
            None => None,
        });
    }
    custom_field::fit::<Deal>(executor, deal, &change.custom, context).await
}

async fn priced(
    executor: &Executor,
    products: Patch<Vec<LineRequest>>,
    details: &Details,
    context: &Context,
) -> Result<Option<Vec<LineDraft>>, Error<DealRejection>> {
    let Patch::Set(requests) = products else {
        return Ok(None);
    };
    let today = local_date(context.now);
    let mut drafts = lines(executor, context.workspace, "products", &requests, today).await?;
    let (customer, currency) = (details.customer_id, details.currency.clone());
    price::offer(executor, &requests, &mut drafts, customer, currency, context).await?;
    Ok(Some(drafts))
}

/// Accepts what a deal offers, which wins it.
pub async fn accept_quote(
    executor: &Executor,
    id: DealId,
    quote: QuoteId,
    by: Option<String>,
    context: &Context,
) -> Answer {
    let today = local_date(context.now);
    let command = |now| {
        DealCommand::AcceptQuote(Acceptance {
            quote,
            by: by.clone(),
            today,
            now,
        })
    };
    let won = win(executor, id, Named::default(), command, context).await;
    executor.or_repeated::<Deal>(id, context, won).await
}

async fn move_along(executor: &Executor, id: DealId, to: Stage, context: &Context) -> Answer {
    let wanted = Wanted {
        stage: Some(to),
        ..Wanted::default()
    };
    let command = |place: Option<Stand>| place.map_or(DealCommand::Move { to }, DealCommand::Stand);
    let moved = stand(executor, id, &wanted, command, context).await;
    executor.or_repeated::<Deal>(id, context, moved).await
}

/// Moves, wins or loses a deal: one behaviour, whichever way it is asked for.
pub async fn execute(executor: &Executor, id: DealId, command: DealCommand, context: &Context) -> Answer {
    let won = match command {
        DealCommand::Win(won) => won,
        DealCommand::Move { to: Stage::Won } => Win::default(),
        DealCommand::Move { to } if to.is_open() => return move_along(executor, id, to, context).await,
        command => return executor.execute::<Deal>(id, &command, context).await,
    };
    let command = |now| DealCommand::Win(Win { now, ..won.clone() });
    let won = win(executor, id, Named::default(), command, context).await;
    executor.or_repeated::<Deal>(id, context, won).await
}

/// What a command that wins a deal changes of it first.
#[derive(Default)]
struct Named<'a> {
    customer: Option<CustomerId>,
    currency: Option<&'a Currency>,
    custom: Option<&'a Patch<Option<Custom>>>,
}

/// Looks up what the documents of a won deal take from elsewhere; again, when the deal is no longer the one it was
/// looked up for.
async fn win(
    executor: &Executor,
    id: DealId,
    named: Named<'_>,
    command: impl Fn(Box<Circumstances>) -> DealCommand,
    context: &Context,
) -> Answer {
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        let deal = executor.look::<Deal, _>(context.workspace, id).await?.state;
        let known = deal.details();
        let customer = named.customer.or_else(|| known?.customer_id);
        let currency = named.currency.or_else(|| known.map(|known| &known.currency));
        let mut now = circumstances(executor, context, customer, currency).await?;
        let mut custom = known.and_then(|known| known.custom.clone());
        if let Some(change) = named.custom {
            change.revise(&mut custom);
        }
        let resources = [Resource::Deals, Resource::Orders];
        now.inherited = custom_field::inherited(executor, custom.as_ref(), resources, context).await?;
        answer = executor.execute::<Deal>(id, &command(Box::new(now)), context).await;
        if !matches!(answer, Err(Error::Rejected(DealRejection::ChangedMeanwhile))) {
            break;
        }
    }
    answer
}

async fn circumstances<R>(
    executor: &Executor,
    context: &Context,
    customer: Option<CustomerId>,
    currency: Option<&Currency>,
) -> Result<Circumstances, Error<R>> {
    let mut now = Circumstances {
        payment_days: Some(executor.payment_days),
        ..Circumstances::default()
    };
    if let Some(id) = customer {
        // The deal stays whose it was written for, whatever that one was merged into.
        let (_, customer) = executor.lead::<Customer, R>(context.workspace, id).await?;
        let customer = customer.state;
        now.customer = customer.profile().map(|profile| Buyer {
            id,
            name: profile.name.clone(),
            payment_terms: profile.payment_terms.clone(),
        });
        let terms = customer.profile().and_then(|profile| profile.payment_terms.as_deref());
        now.payment_days = terms.and_then(net_days).or(now.payment_days);
    }
    if let Some(currency) = currency.filter(|currency| !currency.is_base()) {
        let rates = ExchangeRateId::of(currency);
        let rates = executor.look::<ExchangeRate, R>(context.workspace, rates).await?.state;
        let rate = rates.on(local_date(context.now));
        now.rate = rate.map(|rate| (currency.clone(), rate));
    }
    Ok(now)
}

/// Looks up the products of the lines; `field` names the list in errors.
pub async fn lines<R: From<Violations>>(
    executor: &Executor,
    workspace: WorkspaceId,
    field: &str,
    requests: &[LineRequest],
    today: NaiveDate,
) -> Result<Vec<LineDraft>, Error<R>> {
    let mut drafts = Vec::with_capacity(requests.len().min(ITEMS_MAX));
    for (n, request) in requests.iter().enumerate().take(ITEMS_MAX + 1) {
        let product = executor.look::<Product, R>(workspace, request.product_id).await?.state;
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
        drafts.push(LineDraft {
            product_id: request.product_id,
            product_name: details.name.clone(),
            product_code: Some(details.code.clone()),
            kind: details.kind,
            quantity: request.quantity,
            price: price(request, details, &format!("{field}[{n}]"))?,
            discount: request.discount.unwrap_or_default(),
            tax,
            parts: parts(executor, workspace, details).await?,
        });
    }
    Ok(drafts)
}

/// Of a bundle: its parts, as they are called now. One that is gone since stays out.
async fn parts<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    bundle: &product::Details,
) -> Result<Vec<Part>, Error<R>> {
    let named = bundle
        .parts
        .iter()
        .filter(|_| bundle.kind == product::ProductType::Bundle);
    let mut parts = Vec::new();
    for named in named {
        let part = executor.look::<Product, R>(workspace, named.product_id).await?.state;
        parts.extend(part.details().map(|part| Part {
            product_id: named.product_id,
            product_name: part.name.clone(),
            kind: part.kind,
            quantity: named.quantity,
        }));
    }
    Ok(parts)
}

/// The price the caller names, or the catalog's: each in its own currency, with the tax inside or without as it is
/// meant. A price that is named alone is without tax, whatever the product (product, "Money").
fn price<R: From<Violations>>(request: &LineRequest, product: &product::Details, at: &str) -> Result<Price, Error<R>> {
    let Some(amount) = request.unit_price else {
        // It says how the named price is meant; there is none.
        if request.vat_included.is_some_and(|wish| wish != product.vat_included) {
            let wrong = Violations::one(format!("{at}.vatIncluded"), Rule::NotAllowed);
            return Err(Error::Rejected(wrong.into()));
        }
        return Ok(Price {
            amount: product.price,
            vat_included: product.vat_included,
            currency: Some(product.currency.clone()),
            list: None,
        });
    };
    Ok(Price {
        amount,
        vat_included: request.vat_included.unwrap_or_default(),
        currency: None,
        list: None,
    })
}

/// The name of the customer a document is for.
pub(crate) fn name_of(customer: &Customer) -> Option<String> {
    customer.profile().map(|profile| profile.name.clone())
}

/// The name of the member a deal, an order or a customer is assigned to.
pub(crate) async fn member_name<R>(
    executor: &Executor,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<String, Error<R>> {
    let unknown = || Error::NoSuchReference(Violations::one("assignedTo", Rule::Unknown));
    let members = executor
        .load::<Workspace, R>(WorkspaceId::PLATFORM, workspace)
        .await?
        .state;
    if !members.has_member(user) {
        return Err(unknown());
    }
    let user = executor.look::<User, R>(WorkspaceId::PLATFORM, user).await?.state;
    user.name().map(str::to_owned).ok_or_else(unknown)
}
