//! Sealing and opening as text, without a database: for any JSON, what was sealed opens to the same bytes.

use super::{cipher::Key, *};
use proptest::prelude::*;

const WORKSPACE: Uuid = Uuid::from_u128(1);
const PEOPLE: u128 = 3;

fn owner(person: u128) -> Owner {
    Owner {
        workspace: WORKSPACE,
        person: Uuid::from_u128(person),
    }
}

fn keys() -> Keys {
    let key = |person| (owner(person), PersonKey::Known(Arc::new(Key::generate())));
    (0..PEOPLE).map(key).collect()
}

fn open(json: &str, keys: &Keys) -> Result<String, PersonalError> {
    let mut missing = BTreeSet::new();
    let opened = open_text(WORKSPACE, json, keys, &mut missing)?.into_owned();
    assert!(missing.is_empty(), "{missing:?}");
    Ok(opened)
}

/// JSON as anybody may write it: numbers no float holds, spaces, escapes, the reserved word as a value; and, if wanted,
/// personal values at any depth, within each other too.
fn json(personal: bool) -> impl Strategy<Value = String> {
    let text = prop_oneof![Just("$person".to_owned()), "[a-zа-я\"\\\\ {}:,$\u{1F600}]{0,12}"];
    let text = text.prop_map(|text| serde_json::to_string(&text).unwrap()).boxed();
    let leaf = prop_oneof![
        text.clone(),
        "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        Just("null".to_owned()),
        Just("[ ]".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n")));
        let fields = prop::collection::vec((0..9, inner.clone()), 0..4);
        let object = fields.prop_map(|fields| {
            let fields: Vec<String> = fields
                .iter()
                .map(|(n, value)| format!("\"k\\\"{n}\" : {value}"))
                .collect();
            format!("{{{}}}", fields.join(","))
        });
        let plain = prop_oneof![list, object];
        if personal {
            let value = (0..PEOPLE, inner).prop_map(|(n, value)| marker::clear(owner(n).person, &value));
            prop_oneof![plain, value].boxed()
        } else {
            plain.boxed()
        }
    })
}

proptest! {
    #[test]
    fn what_was_sealed_opens_to_the_same_bytes(json in json(true)) {
        let keys = keys();
        let mut owners = BTreeSet::new();
        collect(WORKSPACE, &json, 0, &mut owners).unwrap();
        let sealed = seal_text(WORKSPACE, &json, &keys).unwrap();
        prop_assert!(!sealed.contains("$value"));
        prop_assert_eq!(sealed != json, !owners.is_empty());
        prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&sealed).is_ok());
        prop_assert_eq!(open(&sealed, &keys).unwrap(), json);
    }

    #[test]
    fn without_personal_values_not_a_byte_is_touched(json in json(false)) {
        let sealed = seal_text(WORKSPACE, &json, &Keys::default()).unwrap();
        prop_assert!(matches!(sealed, Cow::Borrowed(same) if same == json));
        prop_assert_eq!(open(&json, &Keys::default()).unwrap(), json);
    }

    #[test]
    fn no_garbage_makes_it_panic(garbage in "(\\{|\\}|\"|\\$person|\\$sealed|\\$value|:|,|\\\\|é|00000000-0000-0000-0000-000000000001){0,24}") {
        let keys = keys();
        collect(WORKSPACE, &garbage, 0, &mut BTreeSet::new()).ok();
        seal_text(WORKSPACE, &garbage, &keys).ok();
        open_text(WORKSPACE, &garbage, &keys, &mut BTreeSet::new()).ok();
    }
}

#[test]
fn a_value_within_a_value_opens_as_long_as_neither_is_erased() {
    let inner = marker::clear(owner(1).person, r#""spouse""#);
    let json = marker::clear(owner(0).person, &format!("[{inner}]"));
    let mut keys = keys();
    let sealed = seal_text(WORKSPACE, &json, &keys).unwrap().into_owned();
    keys.insert(owner(1), PersonKey::Erased);
    let erased = marker::erased(owner(1).person);
    let expected = marker::clear(owner(0).person, &format!("[{erased}]"));
    assert_eq!(open(&sealed, &keys).unwrap(), expected);
    keys.insert(owner(0), PersonKey::Erased);
    assert_eq!(open(&sealed, &keys).unwrap(), marker::erased(owner(0).person));
}

#[test]
fn a_value_moved_to_another_person_or_workspace_does_not_open() {
    let (json, keys) = (marker::clear(owner(0).person, "1"), keys());
    let sealed = seal_text(WORKSPACE, &json, &keys).unwrap();
    // Even if both had the same key.
    let moved = sealed.replace(&owner(0).person.to_string(), &owner(1).person.to_string());
    let same: Keys = [(owner(1), keys[&owner(0)].clone())].into();
    assert!(matches!(
        open(&moved, &same),
        Err(PersonalError::Tampered { person, .. }) if person == owner(1).person
    ));
    let elsewhere = Owner {
        workspace: Uuid::from_u128(2),
        ..owner(0)
    };
    let same: Keys = [(elsewhere, keys[&owner(0)].clone())].into();
    assert!(matches!(
        open_text(elsewhere.workspace, &sealed, &same, &mut BTreeSet::new()),
        Err(PersonalError::Tampered { .. })
    ));
}

#[test]
fn what_is_not_in_the_clear_or_too_deep_is_refused_before_it_is_written() {
    let refused = |json: &str| {
        let collected = collect(WORKSPACE, json, 0, &mut BTreeSet::new());
        assert!(matches!(collected, Err(PersonalError::Misplaced)), "{json}");
    };
    refused(&marker::sealed(owner(0).person, "AAAA"));
    refused(r#"{"$person":1}"#);
    let nested = |depth| (0..depth).fold("1".to_owned(), |value, _| marker::clear(owner(0).person, &value));
    refused(&nested(DEPTH_MAX + 1));
    let (deep, keys) = (nested(DEPTH_MAX), keys());
    collect(WORKSPACE, &deep, 0, &mut BTreeSet::new()).unwrap();
    let sealed = seal_text(WORKSPACE, &deep, &keys).unwrap();
    assert_eq!(open(&sealed, &keys).unwrap(), deep);
    // An erased value that is copied into a new event is still erased.
    let erased = marker::erased(owner(0).person);
    collect(WORKSPACE, &erased, 0, &mut BTreeSet::new()).unwrap();
    assert_eq!(seal_text(WORKSPACE, &erased, &keys).unwrap(), erased);
}
