//! A deal: LEAD, QUALIFIED, PROPOSAL, NEGOTIATION and CLOSING move freely among themselves; then WON, which is final,
//! or LOST, which may be reopened. A won deal carries everything its order and invoice need.

mod closing;
mod details;
mod document;
mod loss;
mod place;
mod quote;
mod stage;

pub use closing::{Buyer, Circumstances, Loss, Win, Won};
pub use details::{Change, Details};
pub use document::{DOCUMENTS_MAX, Document};
pub use loss::LossReason;
pub use place::{Place, Stand};
use quote::Quotes;
pub use quote::{Acceptance, Answer, Offer, Offered, QUOTES_MAX, Quote, QuoteStatus};
pub use stage::Stage;

use super::line::{self, Line, LineDraft};
use crate::{
    Aggregate, Belongs, Changes, Check, Event, Fields, Number, Numbering, Permission, PersonalField, Rejection, Rule,
    Series, StandIn, Upcaster, Violations, Whose,
    id::{CustomerId, DealId, DocumentId, QuoteId},
};
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
    Quote(Box<Offer>),
    SendQuote(QuoteId),
    AcceptQuote(Acceptance),
    DeclineQuote {
        quote: QuoteId,
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    pub details: Details,
    pub stage: Stage,
    /// Where that is in a pipeline of the workspace's own.
    pub place: Option<Place>,
    pub products: Vec<LineDraft>,
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
    #[serde(rename = "deal.quote.made")]
    QuoteMade(Box<Quote>),
    #[serde(rename = "deal.quote.sent")]
    QuoteSent { quote_id: QuoteId },
    #[serde(rename = "deal.quote.accepted")]
    QuoteAccepted {
        quote_id: QuoteId,
        customer_id: CustomerId,
        by: Option<String>,
    },
    #[serde(rename = "deal.quote.declined")]
    QuoteDeclined {
        quote_id: QuoteId,
        /// Whose words the reason is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_id: Option<CustomerId>,
        reason: Option<String>,
    },
}

impl Event for DealEvent {
    /// Since 2, null empties a field of `deal.updated`; since 2 and 3, what tells of people is sealed.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster::unchanged("deal.created", 1),
        Upcaster::null_was_absent("deal.updated", 1),
        Upcaster::unchanged("deal.updated", 2),
        Upcaster::unchanged("deal.won", 1),
        Upcaster::unchanged("deal.quote.declined", 1),
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
        PersonalField::new(
            "deal.quote.accepted",
            "by",
            Whose::Beside("customerId"),
            StandIn::Nothing,
        ),
        PersonalField::new(
            "deal.quote.declined",
            "reason",
            Whose::Beside("customerId"),
            StandIn::Nothing,
        ),
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
    #[error("no such quote")]
    #[rejection(Missing, "deal.no_such_quote")]
    NoSuchQuote,
    #[error("a newer quote stands in its place")]
    #[rejection(Conflict, "deal.quote_replaced")]
    QuoteReplaced,
    #[error("the quote was declined")]
    #[rejection(Conflict, "deal.quote_declined")]
    QuoteDeclined,
    #[error("the quote is no longer good")]
    #[rejection(Conflict, "deal.quote_expired")]
    QuoteExpired,
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
            | DealCommand::Remove { .. }
            | DealCommand::Quote(_)
            | DealCommand::SendQuote(_)
            | DealCommand::AcceptQuote(_)
            | DealCommand::DeclineQuote { .. } => Permission::DealsUpdate,
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
            (Self::Known(deal), C::Quote(offer)) => deal.quote(offer),
            (Self::Known(deal), C::SendQuote(quote)) => deal.send_quote(*quote),
            (Self::Known(deal), C::AcceptQuote(acceptance)) => deal.accept_quote(acceptance),
            (Self::Known(deal), C::DeclineQuote { quote, reason }) => deal.decline_quote(*quote, reason.as_deref()),
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
                    quotes: Quotes::default(),
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
            E::QuoteMade(quote) => deal.quotes.made(quote),
            E::QuoteSent { .. } => deal.quotes.came_to(Answer::Sent),
            E::QuoteAccepted { .. } => deal.quotes.came_to(Answer::Accepted),
            E::QuoteDeclined { .. } => deal.quotes.came_to(Answer::Declined),
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
    #[serde(default)]
    quotes: Quotes,
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
