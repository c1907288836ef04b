//! Merging and what takes it back, each as given, when, then; and over anything that may happen between the two.

use super::*;
use crate::{Aggregate, Violations, fixed::Exact, sales::customer::Status, testing::given};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

fn id(n: u128) -> CustomerId {
    Uuid::from_u128(n).into()
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        ..Profile::default()
    }
}

fn created(profile: Profile) -> CustomerEvent {
    CustomerEvent::Created {
        customer_number: "CUS-2026-0001".into(),
        status: Status::Lead,
        profile: Box::new(profile),
    }
}

fn contact(n: u128, name: &str, is_primary: bool) -> Contact {
    Contact {
        id: Some(Uuid::from_u128(n).into()),
        first_name: name.into(),
        is_primary,
        ..Contact::default()
    }
}

fn number(n: i64) -> Given {
    Given::Number(Exact::parse(&n.to_string()).unwrap())
}

fn custom(values: &[(&str, i64)]) -> Option<Custom> {
    Some(
        values
            .iter()
            .map(|(key, n)| ((*key).to_owned(), number(*n)))
            .collect(),
    )
}

/// The one that stays, and the other: each has something that the other lacks, and something else in a field that both have.
fn one() -> Profile {
    Profile {
        phone: Some("1".into()),
        contacts: vec![contact(1, "Арман", true)],
        tags: vec!["vip".into()],
        custom: custom(&[("size", 1)]),
        ..profile("ТОО")
    }
}

fn other() -> Profile {
    Profile {
        phone: Some("2".into()),
        email: Some("a@b.kz".into()),
        contacts: vec![contact(2, "Арман", false), contact(3, "Әсел", true)],
        tags: vec!["vip".into(), "dealer".into()],
        custom: custom(&[("size", 2), ("floor", 3)]),
        ..profile("ЖШС")
    }
}

fn choices(chosen: &[(&str, Pick)]) -> Choices {
    chosen.iter().map(|(name, pick)| ((*name).to_owned(), *pick)).collect()
}

fn absorb(n: u128, profile: Profile, chosen: &[(&str, Pick)]) -> CustomerCommand {
    CustomerCommand::Absorb(Box::new(Other {
        id: id(n),
        profile,
        with: vec![],
        choices: choices(chosen),
    }))
}

fn absorbed(n: u128, given: Change) -> CustomerEvent {
    CustomerEvent::Absorbed {
        other: id(n),
        with: vec![],
        given: Box::new(given),
    }
}

/// What the other gives where nothing is chosen.
fn gives() -> Change {
    Change {
        email: Patch::Set(Some("a@b.kz".into())),
        contacts: Patch::Set(vec![contact(3, "Әсел", false)]),
        tags: Patch::Set(vec!["dealer".into()]),
        custom: Patch::Set(custom(&[("floor", 3)])),
        ..Change::default()
    }
}

fn invalid(field: &str, rule: Rule) -> CustomerRejection {
    CustomerRejection::Invalid(Violations::one(field, rule))
}

#[test]
fn absorb_takes_what_is_lacking_or_chosen() {
    let when = |before: &[CustomerEvent], other: Profile, chosen: &[(&str, Pick)]| {
        given::<Customer>(before.to_vec()).when(absorb(2, other, chosen))
    };
    let there = [created(one())];
    when(&[], other(), &[]).then_rejected(CustomerRejection::Missing);
    when(&[created(one()), CustomerEvent::Archived {}], other(), &[]).then_rejected(CustomerRejection::Missing);
    let merged = CustomerEvent::Merged {
        into: id(9),
        with: vec![],
    };
    when(&[created(one()), merged], other(), &[]).then_rejected(CustomerRejection::Merged { into: id(9) });
    when(&[created(one()), absorbed(2, gives())], other(), &[]).then([]);
    when(&there, profile(crate::personal::ERASED), &[]).then_rejected(CustomerRejection::Erased);
    when(&[created(profile(crate::personal::ERASED))], other(), &[]).then_rejected(CustomerRejection::Erased);
    let person = Profile {
        kind: super::super::CustomerType::Individual,
        ..other()
    };
    when(&there, person, &[]).then_rejected(CustomerRejection::OfAnotherType);
    for (name, pick, rule) in [
        ("size", Pick::Other, Rule::Unknown),
        ("type", Pick::Other, Rule::Unknown),
        ("phone", Pick::Both, Rule::NotAllowed),
        ("tags", Pick::Other, Rule::NotAllowed),
        ("custom.size", Pick::Both, Rule::NotAllowed),
    ] {
        when(&there, other(), &[(name, pick)]).then_rejected(invalid(&format!("choices.{name}"), rule));
    }
    let twice = Profile {
        contacts: vec![contact(1, "Иван", false)],
        ..other()
    };
    when(&there, twice, &[]).then_rejected(invalid("contacts[1].id", Rule::NotUnique));
    when(&there, other(), &[]).then([absorbed(2, gives())]);
    let chosen = [
        ("name", Pick::Other),
        ("phone", Pick::Other),
        ("email", Pick::Survivor),
        ("contacts", Pick::Survivor),
        ("tags", Pick::Both),
        ("custom.size", Pick::Other),
        ("custom.floor", Pick::Survivor),
    ];
    let given = Change {
        name: Patch::Set("ЖШС".into()),
        phone: Patch::Set(Some("2".into())),
        tags: Patch::Set(vec!["dealer".into()]),
        custom: Patch::Set(custom(&[("size", 2)])),
        ..Change::default()
    };
    when(&there, other(), &chosen).then([absorbed(2, given)]);
    when(&there, one(), &[]).then([absorbed(2, Change::default())]);
}

#[test]
fn who_is_merged_takes_no_command_until_it_comes_back_as_it_was() {
    let into = |n| CustomerCommand::MergeInto(id(n));
    let back = |n| CustomerCommand::ComeBack { from: id(n) };
    let merged = || CustomerEvent::Merged {
        into: id(9),
        with: vec![id(3)],
    };
    let before = || vec![created(one()), absorbed(3, gives())];
    given::<Customer>(before()).when(into(9)).then([merged()]);
    given::<Customer>([])
        .when(into(9))
        .then_rejected(CustomerRejection::Missing);
    given::<Customer>([created(profile(crate::personal::ERASED))])
        .when(into(9))
        .then_rejected(CustomerRejection::Erased);
    let when = |command| {
        let events = before().into_iter().chain([merged()]);
        given::<Customer>(events).when(command)
    };
    when(into(9)).then([]);
    for command in [
        into(8),
        back(8),
        CustomerCommand::Update(Box::default(), None),
        CustomerCommand::Convert,
        CustomerCommand::Archive,
        CustomerCommand::Release(id(3)),
    ] {
        when(command).then_rejected(CustomerRejection::Merged { into: id(9) });
    }
    let unmerged = CustomerEvent::Unmerged {
        from: id(9),
        with: vec![id(3)],
    };
    when(back(9)).then([unmerged.clone()]);
    given::<Customer>(before()).when(back(9)).then([]);
    let was = before().iter().fold(Customer::default(), Customer::evolve);
    let gone = was.clone().evolve(&merged());
    assert_eq!((gone.profile(), gone.merged_into()), (None, Some(id(9))));
    assert_eq!(gone.own(), was.profile());
    assert_eq!(gone.evolve(&unmerged), was);
}

#[test]
fn release_takes_back_what_is_still_as_it_was_given() {
    let release = |since: Vec<CustomerEvent>| {
        let events = [created(one()), absorbed(2, gives())].into_iter().chain(since);
        given::<Customer>(events).when(CustomerCommand::Release(id(2)))
    };
    let released = |change| CustomerEvent::Released {
        other: id(2),
        with: vec![],
        change: Box::new(change),
    };
    let updated = |change| CustomerEvent::Updated(Box::new(change));
    given::<Customer>([created(one())])
        .when(CustomerCommand::Release(id(2)))
        .then([]);
    let taken_back = || Change {
        email: Patch::Set(None),
        contacts: Patch::Set(one().contacts),
        tags: Patch::Set(one().tags),
        custom: Patch::Set(Some(
            [("size".to_owned(), number(1)), ("floor".to_owned(), Given::Nothing)]
                .into_iter()
                .collect(),
        )),
        ..Change::default()
    };
    release(vec![]).then([released(taken_back())]);
    let since = Change {
        email: Patch::Set(Some("new@b.kz".into())),
        phone: Patch::Set(Some("3".into())),
        tags: Patch::Set(vec!["new".into(), "dealer".into()]),
        ..Change::default()
    };
    let left = Change {
        email: Patch::Keep,
        tags: Patch::Set(vec!["new".into()]),
        ..taken_back()
    };
    release(vec![updated(since)]).then([released(left)]);
}

/// What somebody may write of the one that stays, whether or not another was merged into it.
fn edits() -> impl Strategy<Value = Change> {
    let text = || {
        prop_oneof![
            Just(Patch::Keep),
            select(vec!["7", "8"]).prop_map(|text| Patch::Set(Some(text.to_owned())))
        ]
    };
    let size = prop_oneof![
        Just(Patch::Keep),
        (4..6i64).prop_map(|n| Patch::Set(custom(&[("new", n)])))
    ];
    (text(), text(), text(), size).prop_map(|(phone, source, segment, custom)| Change {
        phone,
        source,
        segment,
        custom,
        ..Change::default()
    })
}

fn picks() -> impl Strategy<Value = Choices> {
    let value = || select(vec![None, Some(Pick::Survivor), Some(Pick::Other)]);
    let list = || select(vec![None, Some(Pick::Survivor), Some(Pick::Both)]);
    (value(), value(), value(), list(), list()).prop_map(|(name, phone, size, contacts, tags)| {
        let chosen = [
            ("name", name),
            ("phone", phone),
            ("custom.size", size),
            ("contacts", contacts),
            ("tags", tags),
        ];
        let chosen = chosen.into_iter();
        chosen
            .filter_map(|(name, pick)| Some((name.to_owned(), pick?)))
            .collect()
    })
}

fn follow(state: Customer, command: &CustomerCommand) -> Customer {
    let events = state.decide(command).unwrap();
    events.iter().fold(state, Customer::evolve)
}

proptest! {
    /// Merge, anything, undo = the same without the merge; also when two are merged, whichever is taken back first.
    #[test]
    fn undone_it_is_as_before_plus_what_came_since(
        picks in [picks(), picks()],
        edits in [edits(), edits(), edits(), edits()],
        first_back in 0..2usize,
    ) {
        let begun = Customer::default().evolve(&created(one()));
        let second = Profile { segment: Some("SMB".into()), tags: vec!["second".into()], ..other() };
        let merge = |n: usize, profile: Profile| CustomerCommand::Absorb(Box::new(Other {
            id: id(2 + n as u128),
            profile,
            with: vec![],
            choices: picks[n].clone(),
        }));
        let back = |n: usize| CustomerCommand::Release(id(2 + n as u128));
        let edit = |n: usize| CustomerCommand::Update(Box::new(edits[n].clone()), None);
        let commands = [
            merge(0, other()), edit(0), merge(1, second), edit(1), back(first_back), edit(2), back(1 - first_back), edit(3),
        ];
        let undone = commands.iter().fold(begun.clone(), follow);
        let alone = (0..4).map(edit).fold(begun, |state, command| follow(state, &command));
        prop_assert_eq!(undone, alone);
    }
}
