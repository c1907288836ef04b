//! What deals come to, in lines kept beside their number (`counts`): what a deal adds to each follows from its row alone, so
//! that a summary is read from a few lines, however many deals there are, and is exact. A line's key is a JSON list that begins
//! with whose the deals are, for rights reach to some of them only, and with their pipeline.

use super::Row;
use domain::{
    Choice, Money, Percent, Quantity,
    sales::deal::{LossReason, Stage},
    time::local_date,
};
use std::collections::BTreeSet;

/// How many there are by stage and currency, …
pub(super) const STANDING: &str = "standing";
/// … their value …
pub(super) const STANDING_VALUE: &str = "standing_value";
/// … and their value by their probability, in the smallest unit.
pub(super) const STANDING_WEIGHTED: &str = "standing_weighted";
/// Those won and lost by month, stage, currency, reason and competitor, …
pub(super) const CLOSED: &str = "closed";
pub(super) const CLOSED_VALUE: &str = "closed_value";
/// … and the days from their first to their last.
pub(super) const CLOSED_DAYS: &str = "closed_days";
/// Stays in open stages that are over, …
pub(super) const STAYS: &str = "stays";
pub(super) const STAYS_SECONDS: &str = "stays_seconds";
/// Deals that were ever in a stage, by how they ended.
pub(super) const REACHED: &str = "reached";

/// What the deal adds to which line.
pub(super) fn lines(deal: &Row) -> Vec<(&'static str, String, i64)> {
    let whose = deal
        .details
        .assigned_to
        .map(|user| user.to_string())
        .unwrap_or_default();
    let pipeline = deal.pipeline_id.map(|id| id.to_string()).unwrap_or_default();
    let key = |parts: &[&str]| {
        let key = [&[whose.as_str(), pipeline.as_str()], parts].concat();
        serde_json::to_string(&key).unwrap_or_default() // texts are always written
    };
    let mut lines = standing(deal, &key);
    lines.extend(closed(deal, &key));
    lines.extend(stays(deal, &key));
    lines.extend(reached(deal, &key));
    lines
}

type Line = (&'static str, String, i64);

fn standing(deal: &Row, key: &impl Fn(&[&str]) -> String) -> Vec<Line> {
    let by = key(&[deal.stage.as_str(), deal.details.currency.as_str()]);
    let worth = worth(deal);
    let weighted = weighted(worth, deal.details.probability.unwrap_or_default());
    vec![
        (STANDING, by.clone(), 1),
        (STANDING_VALUE, by.clone(), worth.units()),
        (STANDING_WEIGHTED, by, weighted.units()),
    ]
}

/// What it was won for, else its value.
fn worth(deal: &Row) -> Money {
    let won = deal.final_amount.filter(|_| deal.stage == Stage::Won);
    won.or(deal.details.value).unwrap_or_default()
}

/// Rounded half away from zero to 0.01.
fn weighted(value: Money, probability: Percent) -> Money {
    let rest = Percent::whole(100).minus(probability);
    Money::line_total(Quantity::whole(1), value, rest, Percent::ZERO).unwrap_or_default()
}

fn closed(deal: &Row, key: &impl Fn(&[&str]) -> String) -> Vec<Line> {
    let Some(at) = deal.won_at.or(deal.lost_at) else {
        return vec![];
    };
    let day = local_date(at);
    let by = key(&[
        &day.format("%Y-%m").to_string(),
        deal.stage.as_str(),
        deal.details.currency.as_str(),
        deal.lost_category.map(LossReason::as_str).unwrap_or_default(),
        deal.competitor_won.as_deref().unwrap_or_default(),
    ]);
    vec![
        (CLOSED, by.clone(), 1),
        (CLOSED_VALUE, by.clone(), worth(deal).units()),
        (CLOSED_DAYS, by, (day - local_date(deal.created_at)).num_days()),
    ]
}

fn stays(deal: &Row, key: &impl Fn(&[&str]) -> String) -> Vec<Line> {
    let over = deal.timeline.iter().filter(|stay| stay.stage.is_open());
    let lines = over.filter_map(|stay| {
        let lasted = stay.exited_at? - stay.entered_at;
        let by = key(&[stay.stage.as_str()]);
        Some([(STAYS, by.clone(), 1), (STAYS_SECONDS, by, lasted.num_seconds())])
    });
    lines.flatten().collect()
}

fn reached(deal: &Row, key: &impl Fn(&[&str]) -> String) -> Vec<Line> {
    let seen: BTreeSet<Stage> = deal.timeline.iter().map(|stay| stay.stage).collect();
    let end = if deal.stage.is_open() { "" } else { deal.stage.as_str() };
    let open = seen.into_iter().filter(|stage| stage.is_open());
    open.map(|stage| (REACHED, key(&[stage.as_str(), end]), 1)).collect()
}
