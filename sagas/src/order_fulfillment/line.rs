//! Where one line of an order stands: what has to be made and held for it.

use chrono::{DateTime, Utc};
use domain::{
    Number, Quantity,
    id::{ProductId, ProductionOrderId},
    sales::line::Line,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LineRun {
    pub product_id: ProductId,
    pub product_name: String,
    pub quantity: Quantity,
    pub stage: Stage,
    /// When it began to wait for what it waits for now.
    pub since: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// A production order is wanted.
    Make,
    /// It was refused, for there is no bill of materials.
    Unbilled {
        /// The bill knows that the line waits.
        asked: bool,
    },
    /// There is one now: a production order is wanted again.
    Billed,
    /// What has to be held before it can go on: materials of a production order, or the goods themselves.
    Hold {
        production: Option<Production>,
        needs: BTreeMap<ProductId, Need>,
        ready_at: Option<DateTime<Utc>>,
    },
    Settled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Production {
    pub id: ProductionOrderId,
    pub number: Number,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Need {
    pub name: String,
    pub quantity: Quantity,
    pub reserved: Quantity,
    pub missing: Quantity,
    /// Stock has answered, with goods or with a place in the line.
    pub answered: bool,
}

impl Need {
    pub fn new(name: &str, quantity: Quantity) -> Self {
        Self {
            name: name.to_owned(),
            quantity,
            reserved: Quantity::ZERO,
            missing: Quantity::ZERO,
            answered: false,
        }
    }

    pub fn is_held(&self) -> bool {
        self.reserved >= self.quantity
    }
}

impl LineRun {
    /// What an order's line wants; nothing of one that neither lies on a shelf nor is made.
    pub fn begin(line: &Line, at: DateTime<Utc>) -> Option<Self> {
        let stage = if line.is_manufactured() {
            Stage::Make
        } else {
            let goods = line.goods(line.quantity).into_iter();
            let needs: BTreeMap<_, _> = goods
                .map(|goods| (goods.product_id, Need::new(&goods.product_name, goods.quantity)))
                .collect();
            if needs.is_empty() {
                return None;
            }
            Stage::Hold {
                production: None,
                needs,
                ready_at: None,
            }
        };
        Some(Self {
            product_id: line.product_id?,
            product_name: line.product_name.clone(),
            quantity: line.quantity,
            stage,
            since: at,
        })
    }

    pub fn production(&self) -> Option<&Production> {
        match &self.stage {
            Stage::Hold { production, .. } => production.as_ref(),
            Stage::Make | Stage::Unbilled { .. } | Stage::Billed | Stage::Settled => None,
        }
    }

    /// When everything is held, it is planned, or there is nothing more to do.
    pub fn go_on_if_held(&mut self, at: DateTime<Utc>) {
        let Stage::Hold {
            production,
            needs,
            ready_at,
        } = &mut self.stage
        else {
            return;
        };
        if needs.values().all(Need::is_held) {
            *ready_at = ready_at.or(Some(at));
            if production.is_none() {
                self.stage = Stage::Settled;
            }
        }
    }

    pub fn is_to_be_made(&self) -> bool {
        matches!(self.stage, Stage::Make | Stage::Unbilled { .. } | Stage::Billed)
    }

    /// The first that is missing, once stock has answered for everything.
    pub fn short_of(&self) -> Option<&Need> {
        let Stage::Hold { needs, .. } = &self.stage else {
            return None;
        };
        let missing = needs.values().find(|need| need.missing.is_positive());
        missing.filter(|_| needs.values().all(|need| need.answered))
    }

    /// What the line waits for.
    pub fn shortages(&self, n: u32) -> Vec<String> {
        let needs = match &self.stage {
            Stage::Hold { needs, .. } => needs,
            Stage::Unbilled { .. } => return vec![format!("line {n}: no bill of materials")],
            Stage::Make | Stage::Billed | Stage::Settled => return vec![],
        };
        let short = needs.values().filter(|need| need.missing.is_positive());
        short
            .map(|need| format!("line {n}: {} of {} missing", need.missing, need.name))
            .collect()
    }
}
