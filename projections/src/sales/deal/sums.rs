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
    let weighted = weighted(worth, deal.effective_probability);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Seen, Table};
    use chrono::{DateTime, TimeDelta, Utc};
    use domain::{
        Fact,
        sales::deal::{DealEvent, Details},
    };
    use log::Recorded;
    use uuid::Uuid;

    /// Events by the day on which they happened, counted from 2024-10-04.
    fn row(events: &[(i64, DealEvent)]) -> Row {
        let mut row = None;
        for (version, (day, event)) in (1..).zip(events) {
            let fact = Fact::Deal(event.clone());
            let recorded = Recorded {
                workspace: Uuid::nil(),
                position: version,
                category: "deal".to_owned(),
                stream_id: Uuid::nil(),
                version,
                event_id: Uuid::nil(),
                event_type: String::new(),
                schema: 1,
                data: String::new(),
                metadata: String::new(),
                recorded_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000 + day),
                hash: [0; 32],
            };
            let seen = Seen {
                fact: &fact,
                recorded: &recorded,
            };
            Row::project(&mut row, Uuid::nil(), &seen);
        }
        row.unwrap()
    }

    fn created() -> DealEvent {
        DealEvent::Created {
            deal_number: "DL-2024-0001".into(),
            stage: Stage::Lead,
            pipeline: None,
            details: Box::new(Details {
                title: "ERP".into(),
                value: Some(Money::whole(1_000)),
                ..Details::default()
            }),
            products: vec![],
        }
    }

    fn moved(from: Stage, to: Stage) -> DealEvent {
        DealEvent::StageChanged {
            from,
            to,
            pipeline: None,
        }
    }

    fn lost(reason: &str) -> DealEvent {
        DealEvent::Lost {
            from: Stage::Proposal,
            reason: reason.into(),
            competitor: Some("Competitor A".into()),
            notes: None,
        }
    }

    #[track_caller]
    fn add(events: &[(i64, DealEvent)], expected: &[(&'static str, &str, i64)]) {
        let expected = expected
            .iter()
            .map(|(field, key, amount)| (*field, (*key).to_owned(), *amount));
        assert_eq!(lines(&row(events)), expected.collect::<Vec<_>>());
    }

    #[test]
    fn an_open_deal_adds_to_its_stage() {
        let lead = r#"["","","LEAD","KZT"]"#;
        add(
            &[(0, created())],
            &[
                (STANDING, lead, 1),
                (STANDING_VALUE, lead, 100_000),
                (STANDING_WEIGHTED, lead, 10_000),
                (REACHED, r#"["","","LEAD",""]"#, 1),
            ],
        );
    }

    #[test]
    fn a_lost_one_to_its_month_and_reason_and_to_every_stage_it_was_in() {
        let (standing, month) = (
            r#"["","","LOST","KZT"]"#,
            r#"["","","2024-10","LOST","KZT","price","Competitor A"]"#,
        );
        let (lead, proposal) = (r#"["","","LEAD"]"#, r#"["","","PROPOSAL"]"#);
        let day = 24 * 60 * 60;
        let history = [
            (0, created()),
            (3, moved(Stage::Lead, Stage::Proposal)),
            (10, lost("price")),
        ];
        add(
            &history,
            &[
                (STANDING, standing, 1),
                (STANDING_VALUE, standing, 100_000),
                (STANDING_WEIGHTED, standing, 0),
                (CLOSED, month, 1),
                (CLOSED_VALUE, month, 100_000),
                (CLOSED_DAYS, month, 10),
                (STAYS, lead, 1),
                (STAYS_SECONDS, lead, 3 * day),
                (STAYS, proposal, 1),
                (STAYS_SECONDS, proposal, 7 * day),
                (REACHED, r#"["","","LEAD","LOST"]"#, 1),
                (REACHED, r#"["","","PROPOSAL","LOST"]"#, 1),
            ],
        );
        let [first, second, _] = history;
        let reopened = row(&[
            first,
            second,
            (10, lost("too late")),
            (12, moved(Stage::Lost, Stage::Lead)),
        ]);
        let fields: BTreeSet<&str> = lines(&reopened).into_iter().map(|(field, ..)| field).collect();
        assert!(!fields.contains(CLOSED), "what is open again was not lost: {fields:?}");
    }
}
