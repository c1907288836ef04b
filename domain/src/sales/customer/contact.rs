//! One of the people a customer is reached by. Each has an id of its own, drawn where the list is sent; who sends the list
//! anew and names no ids means the same people, and those keep theirs.

use crate::{Check, Fields, Patch, Rule, id::ContactId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Absent in what was stored before contacts had ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ContactId>,
    #[field(required, max = 100)]
    pub first_name: String,
    #[serde(default)]
    #[field(max = 100)]
    pub last_name: Option<String>,
    #[serde(default)]
    #[field(max = 100)]
    pub position: Option<String>,
    #[serde(default)]
    #[field(email)]
    pub email: Option<String>,
    #[serde(default)]
    #[field(max = 30)]
    pub phone: Option<String>,
    #[serde(default)]
    pub is_primary: bool,
}

impl Contact {
    /// Whether all but the id is the same.
    fn is_like(&self, other: &Self) -> bool {
        let of = |contact: &Self| Self {
            id: None,
            ..contact.clone()
        };
        of(self) == of(other)
    }

    /// The same, whoever is to be asked for first.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let of = |contact: &Self| Self {
            is_primary: false,
            ..contact.clone()
        };
        of(self).is_like(&of(other))
    }
}

/// The contacts that are named, those that are known already under the ids they have. One that was stored without an id
/// stays without as long as it keeps its place, which is what its id follows from.
pub(super) fn recognized(known: &[Contact], named: &Patch<Vec<Contact>>) -> Patch<Vec<Contact>> {
    let Patch::Set(named) = named else { return Patch::Keep };
    let mut taken: BTreeSet<ContactId> = named.iter().filter_map(|contact| contact.id).collect();
    let is_known = |id| known.iter().any(|contact| contact.id == Some(id));
    let contacts = named.iter().enumerate().map(|(n, contact)| {
        if contact.id.is_some_and(is_known) {
            return contact.clone();
        }
        let as_it_was = known.get(n).filter(|old| old.id.is_none() && old.is_like(contact));
        let alike = known.iter().find(|old| {
            let is_free = old.id.is_some_and(|id| !taken.contains(&id));
            is_free && old.is_like(contact)
        });
        let old = as_it_was.or(alike);
        taken.extend(old.and_then(|old| old.id));
        old.unwrap_or(contact).clone()
    });
    Patch::Set(contacts.collect())
}

/// No id is there twice.
pub(super) fn distinct(contacts: &[Contact], check: &mut Check) {
    let mut seen = BTreeSet::new();
    for (n, contact) in contacts.iter().enumerate() {
        let is_new = contact.id.is_none_or(|id| seen.insert(id));
        check.that(is_new, format!("contacts[{n}].id"), Rule::NotUnique);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn contact(id: Option<u128>, name: &str) -> Contact {
        Contact {
            id: id.map(|id| ContactId::new(Uuid::from_u128(id))),
            first_name: name.into(),
            ..Contact::default()
        }
    }

    #[test]
    fn who_is_sent_again_keeps_the_id() {
        let known = [
            contact(Some(1), "Арман"),
            contact(Some(2), "Әсел"),
            contact(None, "Иван"),
        ];
        let again = |named: Vec<Contact>| recognized(&known, &Patch::Set(named)).set().unwrap();
        // In another order, under fresh ids.
        assert_eq!(
            again(vec![contact(Some(8), "Әсел"), contact(Some(9), "Арман")]),
            [contact(Some(2), "Әсел"), contact(Some(1), "Арман")]
        );
        // One that is named by its id may change.
        assert_eq!(
            again(vec![contact(Some(1), "Арманбек"), contact(Some(9), "Арман")]),
            [contact(Some(1), "Арманбек"), contact(Some(9), "Арман")]
        );
        // Two alike are two.
        assert_eq!(
            again(vec![contact(Some(8), "Арман"), contact(Some(9), "Арман")]),
            [contact(Some(1), "Арман"), contact(Some(9), "Арман")]
        );
        // Who never had one has none in the same place, and the fresh one in another.
        assert_eq!(
            again(vec![known[0].clone(), known[1].clone(), contact(Some(9), "Иван")])[2],
            contact(None, "Иван")
        );
        assert_eq!(again(vec![contact(Some(9), "Иван")]), [contact(Some(9), "Иван")]);
        assert_eq!(recognized(&known, &Patch::Keep), Patch::Keep);
    }

    #[test]
    fn no_id_is_there_twice() {
        let told = |contacts: &[Contact]| {
            let mut check = Check::default();
            distinct(contacts, &mut check);
            check.done().map_err(|found| found.to_string())
        };
        assert_eq!(
            told(&[contact(None, "a"), contact(None, "a"), contact(Some(1), "a")]),
            Ok(())
        );
        let twice = [contact(Some(1), "a"), contact(Some(2), "b"), contact(Some(1), "c")];
        assert_eq!(told(&twice), Err("contacts[2].id: not_unique".to_owned()));
    }
}
