//! Two customers that are one. The one that stays takes what it lacks from the other, or what somebody chose; the other keeps all
//! its own for the day it comes back. What the merge gave is remembered beside what was there before, so that taking it back
//! takes no more than it gave: what was written since stays ([decision 43](../../../../docs/decisions/0043-a-merge-is-a-pointer.md)).

use super::{Change, Contact, Customer, CustomerCommand, CustomerEvent, CustomerRejection, Profile};
use crate::{
    Changes, Check, Fields, Patch, Rule,
    field::FieldKind,
    id::CustomerId,
    office::custom_field::{Custom, Given},
    personal::is_erased,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whose value the one that stays has afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// Its own.
    Survivor,
    /// The other's. Not of a list.
    Other,
    /// Of a list: what either has.
    Both,
}

/// By field, `custom.size` for one of the workspace's own. Where nothing is chosen, its own value stays, what it lacks is the
/// other's, and of lists it has both.
pub type Choices = BTreeMap<String, Pick>;

/// The one that is merged into this one.
#[derive(Debug, Clone, Default)]
pub struct Other {
    pub id: CustomerId,
    pub profile: Profile,
    /// Those that were merged into it before, and come along.
    pub with: Vec<CustomerId>,
    pub choices: Choices,
}

/// What a merge has made of the one that stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absorbed {
    pub id: CustomerId,
    /// Those that came along.
    pub with: Vec<CustomerId>,
    /// As it was before, …
    had: Profile,
    /// … and as the merge left it.
    left: Profile,
}

impl Absorbed {
    pub(super) fn new(id: CustomerId, with: &[CustomerId], had: Profile, left: Profile) -> Self {
        Self {
            id,
            with: with.to_vec(),
            had,
            left,
        }
    }

    /// What takes back what this merge gave, as far as it is still as it gave it.
    pub(super) fn taken_back(&self, now: &Profile) -> Change {
        Profile::between(now, &self.undone(now))
    }

    /// An earlier merge was taken back: this one found less, and left less.
    pub(super) fn without(mut self, earlier: &Self) -> Self {
        (self.had, self.left) = (earlier.undone(&self.had), earlier.undone(&self.left));
        self
    }

    fn undone(&self, now: &Profile) -> Profile {
        let (left, had) = (&self.left, &self.had);
        Profile {
            name: back(&now.name, &left.name, &had.name),
            kind: now.kind,
            email: back(&now.email, &left.email, &had.email),
            phone: back(&now.phone, &left.phone, &had.phone),
            bin: back(&now.bin, &left.bin, &had.bin),
            iin: back(&now.iin, &left.iin, &had.iin),
            source: back(&now.source, &left.source, &had.source),
            segment: back(&now.segment, &left.segment, &had.segment),
            rating: back(&now.rating, &left.rating, &had.rating),
            credit_limit: back(&now.credit_limit, &left.credit_limit, &had.credit_limit),
            payment_terms: back(&now.payment_terms, &left.payment_terms, &had.payment_terms),
            contacts: items_back(&now.contacts, &left.contacts, &had.contacts),
            addresses: items_back(&now.addresses, &left.addresses, &had.addresses),
            tags: items_back(&now.tags, &left.tags, &had.tags),
            assigned_to: back(&now.assigned_to, &left.assigned_to, &had.assigned_to),
            // It goes with whom it names.
            assigned_to_name: match now.assigned_to == left.assigned_to && left.assigned_to != had.assigned_to {
                true => had.assigned_to_name.clone(),
                false => now.assigned_to_name.clone(),
            },
            custom: custom_back(&now.custom, &left.custom, &had.custom),
        }
    }
}

/// Those that stay when one is taken out: whatever came after it found less.
pub(super) fn released(mut absorbed: Vec<Absorbed>, other: CustomerId) -> Vec<Absorbed> {
    let Some(nth) = absorbed.iter().position(|absorbed| absorbed.id == other) else {
        return absorbed;
    };
    let after = absorbed.split_off(nth + 1);
    if let Some(earlier) = absorbed.pop() {
        absorbed.extend(after.into_iter().map(|later| later.without(&earlier)));
    }
    absorbed
}

/// A value that is still as it was left is as it was before; one that was written since stays.
fn back<T: Clone + PartialEq>(now: &T, left: &T, had: &T) -> T {
    if now == left { had.clone() } else { now.clone() }
}

/// The same item by item.
fn items_back<T: Clone + PartialEq>(now: &[T], left: &[T], had: &[T]) -> Vec<T> {
    let is_given = |item: &&T| left.contains(item) && !had.contains(item);
    now.iter().filter(|item| !is_given(item)).cloned().collect()
}

/// The same value by value.
fn custom_back(now: &Option<Custom>, left: &Option<Custom>, had: &Option<Custom>) -> Option<Custom> {
    let named = now.iter().flat_map(Custom::values);
    let kept = named.filter_map(|(key, value)| {
        let (left, had) = (value_of(left, key), value_of(had, key));
        let value = if left == Some(value) { had } else { Some(value) };
        Some((key.to_owned(), value?.clone()))
    });
    let kept: Custom = kept.collect();
    let is_empty = kept.values().next().is_none();
    if is_empty && had.is_none() { None } else { Some(kept) }
}

fn value_of<'a>(custom: &'a Option<Custom>, key: &str) -> Option<&'a Given> {
    let mut values = custom.iter().flat_map(Custom::values);
    values.find(|(name, _)| *name == key).map(|(_, value)| value)
}

impl Other {
    /// What it gives to the one that stays: only what is its own, so that it can be forgotten as its own.
    pub(super) fn gives(&self, survivor: &Profile) -> Result<Change, CustomerRejection> {
        self.verify()?;
        let Profile {
            name,
            kind: _,
            email,
            phone,
            bin,
            iin,
            source,
            segment,
            rating,
            credit_limit,
            payment_terms,
            contacts,
            addresses,
            tags,
            assigned_to,
            assigned_to_name,
            custom,
        } = &self.profile;
        let assigned_to = self.value("assignedTo", &survivor.assigned_to, assigned_to);
        Ok(Change {
            name: match self.choices.get("name") {
                Some(Pick::Other) if *name != survivor.name => Patch::Set(name.clone()),
                _ => Patch::Keep,
            },
            kind: Patch::Keep,
            email: self.value("email", &survivor.email, email),
            phone: self.value("phone", &survivor.phone, phone),
            bin: self.value("bin", &survivor.bin, bin),
            iin: self.value("iin", &survivor.iin, iin),
            source: self.value("source", &survivor.source, source),
            segment: self.value("segment", &survivor.segment, segment),
            rating: self.value("rating", &survivor.rating, rating),
            credit_limit: self.value("creditLimit", &survivor.credit_limit, credit_limit),
            payment_terms: self.value("paymentTerms", &survivor.payment_terms, payment_terms),
            contacts: self.items("contacts", people(&survivor.contacts, contacts)),
            addresses: self.items("addresses", besides(&survivor.addresses, addresses)),
            tags: self.items("tags", besides(&survivor.tags, tags)),
            assigned_to_name: match assigned_to {
                Patch::Set(_) => Patch::Set(assigned_to_name.clone()),
                Patch::Keep => Patch::Keep,
            },
            assigned_to,
            custom: self.values(&survivor.custom, custom),
        })
    }

    /// Its value, where it is chosen, or where the other has none.
    fn value<T: Clone + PartialEq>(&self, field: &str, own: &Option<T>, theirs: &Option<T>) -> Patch<Option<T>> {
        let wanted = match self.choices.get(field) {
            None => own.is_none(),
            Some(pick) => *pick == Pick::Other,
        };
        match wanted && theirs.is_some() && own != theirs {
            true => Patch::Set(theirs.clone()),
            false => Patch::Keep,
        }
    }

    fn items<T>(&self, field: &str, more: Vec<T>) -> Patch<Vec<T>> {
        match self.choices.get(field) {
            Some(Pick::Survivor) => Patch::Keep,
            _ if more.is_empty() => Patch::Keep,
            _ => Patch::Set(more),
        }
    }

    fn values(&self, own: &Option<Custom>, theirs: &Option<Custom>) -> Patch<Option<Custom>> {
        let named = theirs.iter().flat_map(Custom::values);
        let given = named.filter(|(key, value)| {
            let own = value_of(own, key).cloned();
            let theirs = Some((*value).clone());
            !self.value(&format!("custom.{key}"), &own, &theirs).is_keep()
        });
        let given: Custom = given.map(|(key, value)| (key.to_owned(), value.clone())).collect();
        let is_empty = given.values().next().is_none();
        if is_empty { Patch::Keep } else { Patch::Set(Some(given)) }
    }

    /// Every choice is of a field that there is, and one that can be made.
    fn verify(&self) -> Result<(), CustomerRejection> {
        let mut check = Check::default();
        for (name, pick) in &self.choices {
            let at = format!("choices.{name}");
            match kind(name) {
                None => check.fail(at, Rule::Unknown),
                Some(kind) => {
                    let barred = if is_list(kind) { Pick::Other } else { Pick::Both };
                    check.that(*pick != barred, at, Rule::NotAllowed);
                }
            }
        }
        Ok(check.done()?)
    }
}

/// Of the fields that can be chosen. Both are of one type, and the assignee's name goes with the assignee.
fn kind(name: &str) -> Option<FieldKind> {
    if let Some(key) = name.strip_prefix("custom.") {
        return (!key.is_empty()).then_some(FieldKind::Text);
    }
    let mut fields = Profile::FIELDS.iter();
    let field = fields.find(|field| field.name == name)?;
    let is_chosen = !matches!(name, "type" | "assignedToName" | "custom");
    is_chosen.then_some(field.kind)
}

/// Whether a field holds several things.
pub const fn is_list(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Json | FieldKind::Tags)
}

fn besides<T: Clone + PartialEq>(own: &[T], theirs: &[T]) -> Vec<T> {
    theirs.iter().filter(|item| !own.contains(item)).cloned().collect()
}

/// Who is not among them yet. There is one whom to ask for first.
fn people(own: &[Contact], theirs: &[Contact]) -> Vec<Contact> {
    let has_first = own.iter().any(|contact| contact.is_primary);
    let new = theirs.iter().filter(|one| !own.iter().any(|known| known.is_same(one)));
    let new = new.map(|contact| Contact {
        is_primary: contact.is_primary && !has_first,
        ..contact.clone()
    });
    new.collect()
}

impl Customer {
    /// The commands of merging, of one that is there.
    pub(super) fn merge(&self, command: &CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        use {CustomerCommand as C, CustomerEvent as E, CustomerRejection as R};
        match (self, command) {
            (Self::Merged { into, .. }, C::MergeInto(to)) if into == to => Ok(vec![]),
            (Self::Merged { into, was }, C::ComeBack { from }) if into == from => Ok(vec![E::Unmerged {
                from: *from,
                with: was.absorbed().collect(),
            }]),
            (Self::Merged { into, .. }, _) => Err(R::Merged { into: *into }),
            (Self::Known { profile, .. }, C::MergeInto(into)) => match is_erased(&profile.name) {
                true => Err(R::Erased),
                false => Ok(vec![E::Merged {
                    into: *into,
                    with: self.absorbed().collect(),
                }]),
            },
            (Self::Known { profile, .. }, C::Absorb(other)) => self.absorb(profile, other),
            (Self::Known { profile, absorbed, .. }, C::Release(other)) => {
                let found = absorbed.iter().find(|absorbed| absorbed.id == *other);
                let released = found.map(|absorbed| E::Released {
                    other: *other,
                    with: absorbed.with.clone(),
                    change: Box::new(absorbed.taken_back(profile)),
                });
                Ok(released.into_iter().collect())
            }
            // It is its own already.
            (Self::Known { .. }, _) => Ok(vec![]),
            (Self::Unknown | Self::Archived, _) => Err(R::Missing),
        }
    }

    fn absorb(&self, profile: &Profile, other: &Other) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        if self.absorbed().any(|absorbed| absorbed == other.id) {
            return Ok(vec![]);
        }
        if is_erased(&profile.name) || is_erased(&other.profile.name) {
            return Err(CustomerRejection::Erased);
        }
        if profile.kind != other.profile.kind {
            return Err(CustomerRejection::OfAnotherType);
        }
        let given = Box::new(other.gives(profile)?);
        let mut after = profile.clone();
        after.absorb(&given);
        after.verified()?;
        Ok(vec![CustomerEvent::Absorbed {
            other: other.id,
            with: other.with.clone(),
            given,
        }])
    }
}

impl Profile {
    /// With what another one gives. Where that was erased since, it gives nothing.
    pub fn absorb(&mut self, given: &Change) {
        let Change {
            contacts,
            addresses,
            tags,
            custom,
            ..
        } = given;
        let change = Change {
            contacts: added(&self.contacts, contacts),
            addresses: added(&self.addresses, addresses),
            tags: added(&self.tags, tags),
            custom: match custom {
                Patch::Set(None) => Patch::Keep,
                custom => custom.clone(),
            },
            ..given.clone()
        };
        self.apply(&change);
    }
}

fn added<T: Clone>(own: &[T], more: &Patch<Vec<T>>) -> Patch<Vec<T>> {
    match more {
        Patch::Set(more) => Patch::Set(own.iter().chain(more).cloned().collect()),
        Patch::Keep => Patch::Keep,
    }
}

#[cfg(test)]
mod tests;
