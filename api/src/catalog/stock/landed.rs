//! Further costs of goods that came, spread over receipts.

use crate::{
    extract::{Body, May, Write, rights::StockUpdate},
    problem::Problem,
    reply::Created,
    state::App,
};
use axum::extract::State;
use commands::stock::landed::{self, LandedCost};
use domain::{Total, catalog::stock::StockEvent, finance::Currency};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What was spread, and over what.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostsLanded {
    id: Uuid,
    currency: Currency,
    /// Those of one product together, the first receipt's first.
    receipts: Vec<Share>,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LandedShare")]
struct Share {
    product_id: Uuid,
    movement_id: Uuid,
    amount: Total,
    /// What raised the worth of the stock.
    raised: Total,
    /// What fell on goods that had gone.
    spent: Total,
}

pub(super) async fn land(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value: cost, hash }: Body<LandedCost>,
) -> Result<Created<CostsLanded>, Problem> {
    let context = write.context(&caller, hash);
    let done = landed::land(&app.executor, Uuid::now_v7(), &cost, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let landed: Vec<_> = done
        .events
        .iter()
        .filter_map(|event| match event {
            StockEvent::Landed(landed) => Some(landed),
            _ => None,
        })
        .collect();
    let first = landed.first().ok_or_else(Problem::internal)?;
    Ok(written.created(CostsLanded {
        id: first.id,
        currency: first.currency.clone(),
        receipts: landed.iter().map(|landed| Share::of(landed)).collect(),
        version: done.version,
    }))
}

impl Share {
    fn of(landed: &domain::catalog::stock::Landed) -> Self {
        Self {
            product_id: landed.product_id.into(),
            movement_id: landed.receipt_id,
            amount: landed.amount,
            raised: landed.raised,
            spent: landed.spent,
        }
    }
}
