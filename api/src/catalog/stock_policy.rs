//! How a workspace keeps its stock: what goods cost where nobody chose for their product, and which months are closed.

use crate::{
    envelope,
    extract::{
        Body, Caller, May, NoQuery, Write,
        rights::{FinanceUpdate, ProductsView},
    },
    openapi::told,
    problem::Problem,
    reply::Reply,
    state::App,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use domain::{
    catalog::stock_policy::{Policy, StockPolicy, StockPolicyCommand, StockPolicyEvent, StockPolicyRejection, Wanted},
    id::StockPolicyId,
    time::local_date,
};

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/stock/policy",
        get_with(
            show,
            told("How goods are valued where nobody chose for their product, and through which day the books of stock are closed"),
        )
        .put_with(
            set,
            told("Changes how goods are valued that come first, or closes months: nothing tells of a day in them any more"),
        ),
    )
}

async fn show(State(app): State<App>, caller: May<ProductsView>, _: NoQuery) -> Result<Reply<Policy>, Problem> {
    let policy = policy(&app, &caller).await?;
    Ok(Reply::of(envelope::ok(policy)))
}

async fn set(
    State(app): State<App>,
    caller: May<FinanceUpdate>,
    write: Write,
    Body { value: wanted, hash }: Body<Wanted>,
) -> Result<Reply<Policy>, Problem> {
    let context = write.context(&caller, hash);
    let today = local_date(context.now);
    let (id, command) = (StockPolicyId::only(), StockPolicyCommand::Set { wanted, today });
    let done = app.executor.execute::<StockPolicy>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    // Where nothing was to be changed, it is as it was.
    let policy = match done.events.last() {
        Some(StockPolicyEvent::Set(policy)) => *policy,
        None => policy(&app, &caller).await?,
    };
    Ok(written.ok(policy))
}

async fn policy(app: &App, caller: &Caller) -> Result<Policy, Problem> {
    let (workspace, id) = (caller.workspace_id(), StockPolicyId::only());
    let loaded = app
        .executor
        .load::<StockPolicy, StockPolicyRejection>(workspace, id)
        .await?;
    Ok(loaded.state.policy())
}
