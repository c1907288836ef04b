//! Quotes: versions of an offer. Each holds the deal's lines as they were when it was made; only the newest stands, and whoever
//! accepts it wins the deal for what it says, whatever the deal's lines have become meanwhile.

use super::{Circumstances, Deal, DealEvent, DealRejection, Known, Stage, Win};
use crate::{
    Choice, Fields, Money, Rule, Violations,
    finance::Currency,
    id::{CustomerId, QuoteId},
    sales::line::{self, Line},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most versions of one deal's offer.
pub const QUOTES_MAX: usize = 100;

/// What is said of an offer beside the deal's lines.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Offer {
    /// The last day on which it can be accepted.
    pub valid_until: Option<NaiveDate>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
    #[serde(skip)]
    pub id: QuoteId,
}

/// An offer as it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    pub quote_id: QuoteId,
    /// From 1.
    pub number: u32,
    /// The version before, which does not stand any more.
    pub replaces: Option<QuoteId>,
    /// Whom it was made for; absent where the deal was nobody's yet, and in what was made before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub items: Vec<Line>,
    /// The sum of the items.
    pub amount: Money,
    pub currency: Currency,
    pub valid_until: Option<NaiveDate>,
    pub notes: Option<String>,
}

/// By whom an offer is accepted, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Acceptance {
    pub quote: QuoteId,
    /// As they call themselves.
    pub by: Option<String>,
    pub today: NaiveDate,
    /// For the deal that it wins.
    pub now: Box<Circumstances>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Made,
    Sent,
    Accepted,
    Declined,
}

/// The same as readers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice)]
#[serde(rename_all = "lowercase")]
pub enum QuoteStatus {
    Draft,
    Sent,
    Accepted,
    Declined,
    /// A newer one stands in its place.
    Replaced,
}

impl From<Answer> for QuoteStatus {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Made => Self::Draft,
            Answer::Sent => Self::Sent,
            Answer::Accepted => Self::Accepted,
            Answer::Declined => Self::Declined,
        }
    }
}

/// The offers of a deal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Quotes {
    newest: Option<(Box<Quote>, Answer)>,
    earlier: BTreeSet<QuoteId>,
}

impl Quotes {
    pub fn newest(&self) -> Option<(&Quote, Answer)> {
        self.newest.as_ref().map(|(quote, answer)| (quote.as_ref(), *answer))
    }

    pub fn made(&mut self, quote: &Quote) {
        let before = self.newest.replace((Box::new(quote.clone()), Answer::Made));
        self.earlier.extend(before.map(|(quote, _)| quote.quote_id));
    }

    pub fn came_to(&mut self, answer: Answer) {
        if let Some((_, known)) = &mut self.newest {
            *known = answer;
        }
    }

    /// The newest, if it is that one.
    fn standing(&self, id: QuoteId) -> Result<(&Quote, Answer), DealRejection> {
        match self.newest() {
            Some((quote, answer)) if quote.quote_id == id => Ok((quote, answer)),
            _ if self.earlier.contains(&id) => Err(DealRejection::QuoteReplaced),
            _ => Err(DealRejection::NoSuchQuote),
        }
    }
}

impl Known {
    pub(super) fn quote(&self, offer: &Offer) -> Result<Vec<DealEvent>, DealRejection> {
        match self.quotes.standing(offer.id) {
            Ok(_) => return Ok(vec![]),
            Err(DealRejection::NoSuchQuote) => {}
            Err(replaced) => return Err(replaced),
        }
        self.must_be_open()?;
        offer.checked()?;
        if self.quotes.earlier.len() + 1 >= QUOTES_MAX {
            return Err(Violations::one("quotes", Rule::TooMany { max: QUOTES_MAX }).into());
        }
        let lines = line::sum(&self.products).unwrap_or_default();
        let amount = self.agreed(None, lines).ok_or(DealRejection::NothingSold)?;
        let before = self.quotes.newest().map(|(quote, _)| quote);
        Ok(vec![DealEvent::QuoteMade(Box::new(Quote {
            quote_id: offer.id,
            number: before.map_or(0, |quote| quote.number) + 1,
            replaces: before.map(|quote| quote.quote_id),
            customer_id: self.details.customer_id,
            items: self.items_for(amount, lines),
            amount,
            currency: self.details.currency.clone(),
            valid_until: offer.valid_until,
            notes: offer.notes.clone(),
        }))])
    }

    pub(super) fn send_quote(&self, id: QuoteId) -> Result<Vec<DealEvent>, DealRejection> {
        let (_, answer) = self.quotes.standing(id)?;
        match answer {
            Answer::Made => {
                self.must_be_open()?;
                Ok(vec![DealEvent::QuoteSent { quote_id: id }])
            }
            Answer::Sent | Answer::Accepted => Ok(vec![]),
            Answer::Declined => Err(DealRejection::QuoteDeclined),
        }
    }

    /// Wins the deal for what was offered.
    pub(super) fn accept_quote(&self, acceptance: &Acceptance) -> Result<Vec<DealEvent>, DealRejection> {
        let (quote, answer) = self.quotes.standing(acceptance.quote)?;
        match answer {
            Answer::Accepted => return Ok(vec![]),
            // Nobody has been given it.
            Answer::Made => return Err(DealRejection::NoSuchQuote),
            Answer::Declined => return Err(DealRejection::QuoteDeclined),
            Answer::Sent => self.must_be_open()?,
        }
        // By a deal with somebody else, or in another currency.
        if self.is_with_another(quote) || quote.currency != self.details.currency {
            return Err(DealRejection::QuoteReplaced);
        }
        if quote.valid_until.is_some_and(|last| last < acceptance.today) {
            return Err(DealRejection::QuoteExpired);
        }
        let win = Win {
            actual_close_date: Some(acceptance.today),
            now: acceptance.now.clone(),
            ..Win::default()
        };
        let won = self.won(&win, quote.items.clone(), Some(quote.amount))?;
        let accepted = DealEvent::QuoteAccepted {
            quote_id: quote.quote_id,
            customer_id: won.customer_id,
            by: acceptance.by.clone(),
        };
        Ok(vec![accepted, DealEvent::Won(Box::new(won))])
    }

    pub(super) fn decline_quote(&self, id: QuoteId, reason: Option<&str>) -> Result<Vec<DealEvent>, DealRejection> {
        let (quote, answer) = self.quotes.standing(id)?;
        match answer {
            Answer::Declined => Ok(vec![]),
            Answer::Made => Err(DealRejection::NoSuchQuote),
            Answer::Accepted => Err(DealRejection::AlreadyWon),
            Answer::Sent => {
                self.must_be_open()?;
                if self.is_with_another(quote) {
                    return Err(DealRejection::QuoteReplaced);
                }
                Ok(vec![DealEvent::QuoteDeclined {
                    quote_id: id,
                    customer_id: self.details.customer_id,
                    reason: reason.map(str::to_owned),
                }])
            }
        }
    }

    /// Whether the deal has been given to another customer than the offer was made for, who is not to answer it any more.
    fn is_with_another(&self, quote: &Quote) -> bool {
        quote.customer_id.is_some() && quote.customer_id != self.details.customer_id
    }

    fn must_be_open(&self) -> Result<(), DealRejection> {
        match self.stage {
            Stage::Won => Err(DealRejection::AlreadyWon),
            Stage::Lost => Err(DealRejection::AlreadyLost),
            Stage::Lead | Stage::Qualified | Stage::Proposal | Stage::Negotiation | Stage::Closing => Ok(()),
        }
    }
}

/// What the customer is shown of the newest offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered<'a> {
    pub title: &'a str,
    pub customer_name: Option<&'a str>,
    pub quote: &'a Quote,
    pub answer: Answer,
}

impl Deal {
    /// The newest offer, if it is that one, was sent, and the deal is still with whom it was made for.
    pub fn offered(&self, id: QuoteId) -> Option<Offered<'_>> {
        let Self::Known(deal) = self else { return None };
        let (quote, answer) = deal.quotes.newest()?;
        let is_shown = quote.quote_id == id && answer != Answer::Made && !deal.is_with_another(quote);
        is_shown.then_some(Offered {
            title: &deal.details.title,
            customer_name: deal.details.customer_name.as_deref(),
            quote,
            answer,
        })
    }
}
