//! Rules of fields that a workspace defines: a row an outcome, in order of precedence.

use super::*;
use crate::{
    Patch,
    testing::{given, sample},
};
use serde_json::json;

fn created() -> CustomFieldEvent {
    sample("custom.field.created.v1")
}

fn archived() -> CustomFieldEvent {
    CustomFieldEvent::Archived {}
}

/// As the sample has it: a choice on customers.
fn details() -> Details {
    let CustomFieldEvent::Created(details) = created() else {
        panic!("another event")
    };
    *details
}

fn invalid(field: &str, rule: Rule) -> CustomFieldRejection {
    Violations::one(field, rule).into()
}

fn of(kind: Kind) -> Details {
    Details {
        kind,
        choices: vec![],
        ..details()
    }
}

#[test]
fn create() {
    let create = |details| CustomFieldCommand::Create(Box::new(details));
    given::<CustomField>([]).when(create(details())).then([created()]);
    let keyed = |key: &str| Details {
        key: key.into(),
        ..details()
    };
    let label = |language| Label {
        language,
        label: "a".into(),
    };
    for (details, field, rule) in [
        (keyed(" "), "key", Rule::Required),
        (keyed("2nd"), "key", Rule::NotAllowed),
        (keyed("a.b"), "key", Rule::NotAllowed),
        (keyed(&"a".repeat(41)), "key", Rule::TooLong { max: 40 }),
        (of(Kind::Choice), "choices", Rule::Required),
        (
            Details {
                kind: Kind::Text,
                ..details()
            },
            "choices",
            Rule::NotAllowed,
        ),
        (
            Details {
                choices: (0..101).map(|n| n.to_string()).collect(),
                ..details()
            },
            "choices",
            Rule::TooMany { max: 100 },
        ),
        (
            Details {
                choices: vec!["a".into(), "a".into()],
                ..details()
            },
            "choices[1]",
            Rule::NotUnique,
        ),
        (
            Details {
                translations: vec![label(Language::Kk), label(Language::Kk)],
                ..details()
            },
            "translations[1].language",
            Rule::NotUnique,
        ),
        (of(Kind::Reference), "refersTo", Rule::Required),
        (
            Details {
                refers_to: Some(Resource::Deals),
                ..of(Kind::Text)
            },
            "refersTo",
            Rule::NotAllowed,
        ),
    ] {
        given::<CustomField>([])
            .when(create(details))
            .then_rejected(invalid(field, rule));
    }
    given::<CustomField>([created()])
        .when(create(details()))
        .then_rejected(CustomFieldRejection::AlreadyDefined);
    given::<CustomField>([created(), archived()])
        .when(create(details()))
        .then([created()]);
    given::<CustomField>([created(), archived()])
        .when(create(of(Kind::Text)))
        .then_rejected(invalid("type", Rule::NotAllowed));
}

#[test]
fn update() {
    let labelled = |label: &str| {
        Box::new(Change {
            label: Patch::Set(label.into()),
            ..Change::default()
        })
    };
    let update = |label: &str| CustomFieldCommand::Update(labelled(label));
    let updated = |label: &str| CustomFieldEvent::Updated(labelled(label));
    let rekeyed = CustomFieldCommand::Update(Box::new(Change {
        key: Patch::Set("other".into()),
        ..Change::default()
    }));
    given::<CustomField>([])
        .when(update("Класс"))
        .then_rejected(CustomFieldRejection::Missing);
    given::<CustomField>([created()])
        .when(update("Класс"))
        .then([updated("Класс")]);
    given::<CustomField>([created(), updated("Класс")])
        .when(update("Класс"))
        .then([]);
    given::<CustomField>([created()])
        .when(update(" "))
        .then_rejected(invalid("label", Rule::Required));
    given::<CustomField>([created()])
        .when(rekeyed)
        .then_rejected(invalid("key", Rule::NotAllowed));
    given::<CustomField>([created(), archived()])
        .when(update("Класс"))
        .then_rejected(CustomFieldRejection::Missing);
}

#[test]
fn archive() {
    let when = |before: Vec<_>| given::<CustomField>(before).when(CustomFieldCommand::Archive);
    when(vec![]).then_rejected(CustomFieldRejection::Missing);
    when(vec![created()]).then([archived()]);
    when(vec![created(), archived()]).then_rejected(CustomFieldRejection::Missing);
}

#[test]
fn values_are_what_the_field_says() {
    let choice = details();
    let known = Rule::not_one_of(choice.choices.iter().cloned());
    let said = |value: &serde_json::Value| serde_json::from_value::<Given>(value.clone()).unwrap();
    for (details, value, broken) in [
        (of(Kind::Text), json!("Север"), None),
        (of(Kind::Text), json!(1), Some(Rule::WrongType)),
        (of(Kind::Number), json!(-1.5), None),
        (of(Kind::Number), json!("1"), Some(Rule::WrongType)),
        (of(Kind::Date), json!("2026-11-28"), None),
        (of(Kind::Date), json!("2026-11-8"), Some(Rule::WrongType)),
        (of(Kind::Date), json!("0026-11-08"), Some(Rule::WrongType)),
        (choice.clone(), json!(choice.choices[0]), None),
        (choice, json!("?"), Some(known)),
        (of(Kind::Reference), json!("01a1fe4c-9700-7000-8000-000000000011"), None),
        (of(Kind::Reference), json!("a"), Some(Rule::NotAUuid)),
    ] {
        assert_eq!(details.broken(&said(&value)), broken, "{value}");
    }
    let deal = Uuid::from_u128(7);
    let named = Given::Text(deal.to_string());
    let refers = Details {
        refers_to: Some(Resource::Deals),
        ..of(Kind::Reference)
    };
    assert_eq!(refers.referred(&named), Some((Resource::Deals, deal)));
    assert_eq!(of(Kind::Text).referred(&named), None);
}
