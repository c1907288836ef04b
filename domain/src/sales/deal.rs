//! A deal: LEAD, QUALIFIED, PROPOSAL, NEGOTIATION and CLOSING move freely among themselves; then WON, which is final,
//! or LOST, which may be reopened. A won deal carries everything its order and invoice need.

mod details;
mod document;
mod loss;
mod place;

pub use details::{Change, Details};
pub use document::{DOCUMENTS_MAX, Document};
pub use loss::LossReason;
pub use place::{Place, Stand};

use super::line::{self, Line, LineDraft};
use crate::{
    Aggregate, Belongs, Changes, Check, Choice, Event, Fields, Money, Number, Numbering, Percent, Permission,
    PersonalField, Rejection, Rule, Series, StandIn, Upcaster, Violations, Whose,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, DealId, DocumentId, UserId},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

// Vocabulary

#[derive(Debug, Clone)]
pub enum DealCommand {
    Create(Box<Draft>),
    Update {
        change: Box<Change>,
        products: Option<Vec<LineDraft>>,
        stage: Option<Stage>,
        /// In place of a stage, where a pipeline says which that is.
        stand: Option<Stand>,
        /// For a stage that wins it.
        now: Box<Circumstances>,
    },
    /// In the pipeline that every workspace has.
    Move {
        to: Stage,
    },
    /// Wherever a look-up found that it is to stand.
    Stand(Stand),
    Win(Win),
    Lose(Loss),
    Attach {
        id: DocumentId,
        document: Box<Document>,
    },
    Remove {
        document: DocumentId,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stage {
    // Document 1's NEW.
    #[default]
    #[serde(alias = "NEW")]
    Lead,
    Qualified,
    Proposal,
    Negotiation,
    Closing,
    Won,
    Lost,
}

impl Stage {
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Won | Self::Lost)
    }

    /// How likely it is that a deal is won from there, in percent, where nobody has said it of the deal itself.
    pub fn probability(self) -> Percent {
        Percent::whole(match self {
            Self::Lead => 10,
            Self::Qualified => 25,
            Self::Proposal => 50,
            Self::Negotiation => 75,
            Self::Closing => 90,
            Self::Won => 100,
            Self::Lost => 0,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    pub details: Details,
    pub stage: Stage,
    /// Where that is in a pipeline of the workspace's own.
    pub place: Option<Place>,
    pub products: Vec<LineDraft>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Win {
    pub actual_close_date: Option<NaiveDate>,
    /// What was agreed; a difference from the lines becomes an adjustment line.
    #[field(not_negative)]
    pub final_amount: Option<Money>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
    #[serde(skip)]
    pub now: Box<Circumstances>,
}

/// What winning takes from elsewhere, as looked up at that moment: the documents of a won deal bear the customer's name
/// and terms of the day, and say what their currency is worth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circumstances {
    /// The deal's customer, if it is still there.
    pub customer: Option<Buyer>,
    /// Days to pay.
    pub payment_days: Option<u32>,
    /// A currency and its rate of the day; absent when there is none on record, or for the base currency.
    pub rate: Option<(Currency, Rate)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buyer {
    pub id: CustomerId,
    pub name: String,
    pub payment_terms: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Loss {
    /// One of `LossReason`, or another in one's own words.
    #[serde(default, rename = "lostReason")]
    #[field(required, max = 200)]
    pub reason: String,
    #[serde(rename = "competitorWon")]
    #[field(max = 200)]
    pub competitor: Option<String>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

/// Everything the order and the invoice of a won deal need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Won {
    pub from: Stage,
    pub deal_number: Number,
    pub title: String,
    pub customer_id: CustomerId,
    pub customer_name: Option<String>,
    /// The deal's lines, and an adjustment when another amount was agreed.
    pub items: Vec<Line>,
    /// The sum of the items.
    pub amount: Money,
    pub currency: Currency,
    pub assigned_to: Option<UserId>,
    pub actual_close_date: Option<NaiveDate>,
    pub notes: Option<String>,
    /// The customer's, such as NET_30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    /// Days to pay, by the terms or by the setting of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_days: Option<u32>,
    /// What one unit of the currency is worth in the base currency; absent for the latter, and when there was no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum DealEvent {
    #[serde(rename = "deal.created")]
    Created {
        deal_number: Number,
        stage: Stage,
        /// In a pipeline of the workspace's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pipeline: Option<Place>,
        #[serde(flatten)]
        details: Box<Details>,
        products: Vec<Line>,
    },
    #[serde(rename = "deal.updated")]
    Updated {
        #[serde(flatten)]
        change: Box<Change>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        products: Option<Vec<Line>>,
    },
    #[serde(rename = "deal.stage.changed")]
    StageChanged {
        from: Stage,
        to: Stage,
        /// In a pipeline of the workspace's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pipeline: Option<Place>,
    },
    #[serde(rename = "deal.won")]
    Won(Box<Won>),
    #[serde(rename = "deal.lost")]
    Lost {
        from: Stage,
        reason: String,
        competitor: Option<String>,
        notes: Option<String>,
    },
    #[serde(rename = "deal.document.attached")]
    DocumentAttached {
        document_id: DocumentId,
        #[serde(flatten)]
        document: Box<Document>,
    },
    #[serde(rename = "deal.document.removed")]
    DocumentRemoved { document_id: DocumentId },
}

impl Event for DealEvent {
    /// Since 2, null empties a field of `deal.updated`; since 2 and 3, what tells of people is sealed.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("deal.created", 1),
        Upcaster::null_was_absent("deal.updated", 1),
        Upcaster::unchanged("deal.updated", 2),
        Upcaster::unchanged("deal.won", 1),
    ];

    const PERSONAL: &'static [PersonalField] = &[
        PersonalField::new(
            "deal.created",
            "customerName",
            Whose::Beside("customerId"),
            StandIn::Name,
        ),
        PersonalField::new(
            "deal.created",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
        PersonalField::new(
            "deal.updated",
            "customerName",
            Whose::Beside("customerId"),
            StandIn::Name,
        ),
        PersonalField::new(
            "deal.updated",
            "assignedToName",
            Whose::Beside("assignedTo"),
            StandIn::Name,
        ),
        PersonalField::new("deal.won", "customerName", Whose::Beside("customerId"), StandIn::Name),
    ];

    const NUMBERINGS: &'static [Numbering] = &[Numbering {
        event_type: "deal.created",
        field: "dealNumber",
        series: Series::Deal,
    }];
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum DealRejection {
    #[error("no such deal")]
    #[rejection(Missing, "deal.missing")]
    Missing,
    #[error("already created")]
    #[rejection(Exists, "deal.already_created")]
    AlreadyCreated,
    #[error("a won deal is final")]
    #[rejection(Transition, "deal.already_won")]
    AlreadyWon,
    #[error("lost; reopen it first")]
    #[rejection(Transition, "deal.already_lost")]
    AlreadyLost,
    #[error("a deal is won with a customer")]
    #[rejection(Conflict, "deal.no_customer")]
    NoCustomer,
    #[error("a deal is won with a product line or a value")]
    #[rejection(Conflict, "deal.nothing_sold")]
    NothingSold,
    #[error("customer or currency was changed meanwhile")]
    #[rejection(Conflict, "deal.changed_meanwhile")]
    ChangedMeanwhile,
    #[error("no such document")]
    #[rejection(Missing, "deal.no_such_document")]
    NoSuchDocument,
    #[error(transparent)]
    #[rejection(Invalid, "deal.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Deal {
    const NAME: &'static str = "deal";
    type Id = DealId;
    type Command = DealCommand;
    type Event = DealEvent;
    type Rejection = DealRejection;
    const SEEN_WITH: Option<Permission> = Some(Permission::DealsView);

    fn belongs(&self) -> Belongs {
        Belongs {
            user: self.details().and_then(|details| details.assigned_to),
            department: None,
        }
    }

    fn permission(command: &DealCommand) -> Permission {
        match command {
            DealCommand::Create(_) => Permission::DealsCreate,
            DealCommand::Update { .. }
            | DealCommand::Move { .. }
            | DealCommand::Stand(_)
            | DealCommand::Win(_)
            | DealCommand::Lose(_)
            | DealCommand::Attach { .. }
            | DealCommand::Remove { .. } => Permission::DealsUpdate,
        }
    }

    fn decide(&self, command: &DealCommand) -> Result<Vec<DealEvent>, DealRejection> {
        use {DealCommand as C, DealRejection as R};
        match (self, command) {
            (Self::Unknown, C::Create(draft)) => create(draft),
            (Self::Unknown, _) => Err(R::Missing),
            (Self::Known(_), C::Create(_)) => Err(R::AlreadyCreated),
            (
                Self::Known(deal),
                C::Update {
                    change,
                    products,
                    stage,
                    stand,
                    now,
                },
            ) => deal.update(change, products.as_deref(), (*stage, stand.as_ref()), now),
            (Self::Known(deal), C::Move { to }) => deal.move_to(*to, &Circumstances::default()),
            (Self::Known(deal), C::Stand(stand)) => deal.stand(stand),
            (Self::Known(deal), C::Win(win)) => deal.win(win),
            (Self::Known(deal), C::Lose(loss)) => deal.lose(loss),
            (Self::Known(deal), C::Attach { id, document }) => deal.attach(*id, document),
            (Self::Known(deal), C::Remove { document }) => deal.remove(*document),
        }
    }

    fn evolve(self, event: &DealEvent) -> Self {
        use DealEvent as E;
        let mut deal = match (self, event) {
            (
                _,
                E::Created {
                    deal_number,
                    stage,
                    pipeline,
                    details,
                    products,
                },
            ) => {
                return Self::Known(Box::new(Known {
                    number: deal_number.clone(),
                    stage: *stage,
                    place: pipeline.clone(),
                    details: details.as_ref().clone(),
                    products: products.clone(),
                    documents: BTreeSet::new(),
                }));
            }
            (Self::Unknown, _) => return Self::Unknown,
            (Self::Known(deal), _) => deal,
        };
        match event {
            E::Created { .. } => {}
            E::Updated { change, products } => {
                deal.details.apply(change);
                if let Some(products) = products {
                    deal.products.clone_from(products);
                }
            }
            E::StageChanged { to, pipeline, .. } => {
                deal.stage = *to;
                deal.place.clone_from(pipeline);
            }
            E::Won(_) => deal.stage = Stage::Won,
            E::Lost { .. } => deal.stage = Stage::Lost,
            E::DocumentAttached { document_id, .. } => {
                deal.documents.insert(*document_id);
            }
            E::DocumentRemoved { document_id } => {
                deal.documents.remove(document_id);
            }
        }
        Self::Known(deal)
    }
}

fn create(draft: &Draft) -> Result<Vec<DealEvent>, DealRejection> {
    let mut check = Check::default();
    draft.details.check("", &mut check);
    check.that(draft.stage.is_open(), "stage", Rule::NotAllowed);
    let products = line::price(&mut check, "products", &draft.products, &draft.details.currency);
    check.done()?;
    Ok(vec![DealEvent::Created {
        deal_number: Number::pending(),
        stage: draft.stage,
        pipeline: draft.place.clone(),
        details: Box::new(draft.details.clone()),
        products,
    }])
}

impl Known {
    fn update(
        &self,
        change: &Change,
        products: Option<&[LineDraft]>,
        (stage, stand): (Option<Stage>, Option<&Stand>),
        now: &Circumstances,
    ) -> Result<Vec<DealEvent>, DealRejection> {
        let mut after = self.details.clone();
        after.apply(change);
        let mut check = Check::default();
        after.check("", &mut check);
        if after.currency != self.details.currency {
            // An amount that stays would be taken for one of the new currency.
            let amounts_stay = products.is_none() && !self.products.is_empty();
            let value_stays = change.value.is_keep() && after.value.is_some_and(|value| !value.is_zero());
            check.that(!amounts_stay && !value_stays, "currency", Rule::OtherCurrency);
        }
        let products = products.map(|drafts| line::price(&mut check, "products", drafts, &after.currency));
        check.done()?;
        let changed = after != self.details || products.as_ref().is_some_and(|new| *new != self.products);
        if changed && self.stage == Stage::Won {
            return Err(DealRejection::AlreadyWon);
        }
        let updated = changed.then(|| DealEvent::Updated {
            change: Box::new(change.clone()),
            products: products.clone(),
        });
        let after = Self {
            details: after,
            products: products.unwrap_or_else(|| self.products.clone()),
            ..self.clone()
        };
        let moved = match (stand, stage) {
            (Some(stand), _) => after.stand(stand)?,
            (None, Some(stage)) => after.move_to(stage, now)?,
            (None, None) => vec![],
        };
        Ok(updated.into_iter().chain(moved).collect())
    }

    /// PUT with a stage, POST stage, win and lose are one behaviour.
    fn move_to(&self, to: Stage, now: &Circumstances) -> Result<Vec<DealEvent>, DealRejection> {
        match (self.stage, to) {
            (from, to) if from == to && self.place.is_none() => Ok(vec![]),
            (Stage::Lost, Stage::Lost) => Ok(vec![]),
            (_, Stage::Won) => self.win(&Win {
                now: Box::new(now.clone()),
                ..Win::default()
            }),
            (_, Stage::Lost) => self.lose(&Loss::default()),
            (Stage::Won, _) => Err(DealRejection::AlreadyWon),
            // It is for its pipeline to say which place that is.
            _ if self.place.is_some() => Err(DealRejection::ChangedMeanwhile),
            (from, to) => Ok(vec![DealEvent::StageChanged {
                from,
                to,
                pipeline: None,
            }]),
        }
    }

    /// The same with a place in a pipeline of the workspace's own, or out of one.
    fn stand(&self, stand: &Stand) -> Result<Vec<DealEvent>, DealRejection> {
        let Stand { to, place } = stand;
        let is_there = self.stage == *to && self.place.as_ref().map(Place::at) == place.as_ref().map(Place::at);
        match self.stage {
            _ if is_there => Ok(vec![]),
            Stage::Won => Err(DealRejection::AlreadyWon),
            _ if !to.is_open() => Err(Violations::one("stage", Rule::NotAllowed).into()),
            from => Ok(vec![DealEvent::StageChanged {
                from,
                to: *to,
                pipeline: place.clone(),
            }]),
        }
    }

    fn win(&self, win: &Win) -> Result<Vec<DealEvent>, DealRejection> {
        match self.stage {
            Stage::Won => return Ok(vec![]), // the first order is the answer
            Stage::Lost => return Err(DealRejection::AlreadyLost),
            Stage::Lead | Stage::Qualified | Stage::Proposal | Stage::Negotiation | Stage::Closing => {}
        }
        win.checked()?;
        let customer_id = self.details.customer_id.ok_or(DealRejection::NoCustomer)?;
        let Circumstances {
            customer,
            payment_days,
            rate,
        } = win.now.as_ref();
        let customer_is_another = customer.as_ref().is_some_and(|customer| customer.id != customer_id);
        let currency_is_another = rate.as_ref().is_some_and(|(of, _)| *of != self.details.currency);
        if customer_is_another || currency_is_another {
            return Err(DealRejection::ChangedMeanwhile);
        }
        let lines = line::sum(&self.products).unwrap_or_default();
        let amount = self.agreed(win.final_amount, lines).ok_or(DealRejection::NothingSold)?;
        let name = if self.products.is_empty() {
            self.details.title.as_str()
        } else {
            "Adjustment"
        };
        let adjustment = Line::adjustment(name, amount.minus(lines));
        let customer_name = customer.as_ref().map(|customer| customer.name.clone());
        Ok(vec![DealEvent::Won(Box::new(Won {
            from: self.stage,
            deal_number: self.number.clone(),
            title: self.details.title.clone(),
            customer_id,
            customer_name: customer_name.or_else(|| self.details.customer_name.clone()),
            items: self.products.iter().cloned().chain(adjustment).collect(),
            amount,
            currency: self.details.currency.clone(),
            assigned_to: self.details.assigned_to,
            actual_close_date: win.actual_close_date,
            notes: win.notes.clone(),
            payment_terms: customer.as_ref().and_then(|customer| customer.payment_terms.clone()),
            payment_days: *payment_days,
            exchange_rate: rate.as_ref().map(|(_, rate)| *rate),
        }))])
    }

    /// What a won deal is worth: a line is something sold, even when it is given away.
    fn agreed(&self, named: Option<Money>, lines: Money) -> Option<Money> {
        if self.products.is_empty() {
            return named.or(self.details.value).filter(|amount| amount.is_positive());
        }
        Some(named.unwrap_or(lines))
    }

    fn lose(&self, loss: &Loss) -> Result<Vec<DealEvent>, DealRejection> {
        match self.stage {
            Stage::Lost => return Ok(vec![]),
            Stage::Won => return Err(DealRejection::AlreadyWon),
            Stage::Lead | Stage::Qualified | Stage::Proposal | Stage::Negotiation | Stage::Closing => {}
        }
        loss.checked()?;
        Ok(vec![DealEvent::Lost {
            from: self.stage,
            reason: loss.reason.clone(),
            competitor: loss.competitor.clone(),
            notes: loss.notes.clone(),
        }])
    }

    /// Papers come and go whatever the stage: a contract is signed when the deal is won.
    fn attach(&self, id: DocumentId, document: &Document) -> Result<Vec<DealEvent>, DealRejection> {
        if self.documents.contains(&id) {
            return Ok(vec![]);
        }
        document.sound()?;
        if self.documents.len() >= DOCUMENTS_MAX {
            return Err(Violations::one("documents", Rule::TooMany { max: DOCUMENTS_MAX }).into());
        }
        Ok(vec![DealEvent::DocumentAttached {
            document_id: id,
            document: Box::new(document.clone()),
        }])
    }

    fn remove(&self, document: DocumentId) -> Result<Vec<DealEvent>, DealRejection> {
        if !self.documents.contains(&document) {
            return Err(DealRejection::NoSuchDocument);
        }
        Ok(vec![DealEvent::DocumentRemoved { document_id: document }])
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Deal {
    #[default]
    Unknown,
    Known(Box<Known>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    number: Number,
    stage: Stage,
    #[serde(default)]
    place: Option<Place>,
    details: Details,
    products: Vec<Line>,
    #[serde(default)]
    documents: BTreeSet<DocumentId>,
}

impl Deal {
    pub fn number(&self) -> Option<&Number> {
        match self {
            Self::Known(deal) => Some(&deal.number),
            Self::Unknown => None,
        }
    }

    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Known(deal) => Some(&deal.details),
            Self::Unknown => None,
        }
    }

    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::Known(deal) => Some(deal.stage),
            Self::Unknown => None,
        }
    }

    /// Where it stands in a pipeline of the workspace's own.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Known(deal) => deal.place.as_ref(),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod tests;
