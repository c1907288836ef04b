//! The list grammar: what it understands and what it refuses.

use super::*;

fn grammar() -> Grammar {
    let field = |name: &str, kind| Field {
        name: name.into(),
        sql: format!("t.{name}"),
        kind,
    };
    Grammar {
        fields: vec![
            field("stage", ColumnKind::Text),
            field("value", ColumnKind::Number),
            field("createdAt", ColumnKind::Time),
            field("id", ColumnKind::Uuid),
        ],
        aliases: &[("minValue", "value", Op::Gte)],
        search: &["t.title"],
    }
}

fn parse(query: &[(&str, &str)]) -> Result<Query, ListError> {
    let pairs: Vec<_> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    grammar().parse(&pairs)
}

#[test]
fn the_documents_example_is_understood() {
    let query = parse(&[
        ("stage", "NEGOTIATION,CLOSING"),
        ("value[gte]", "1000000"),
        ("minValue", "5"),
        ("sort", "-value,createdAt"),
    ])
    .unwrap();
    assert_eq!(
        query.conditions,
        [
            "(t.stage = $1::text or t.stage = $2::text)",
            "t.value >= $3::numeric",
            "t.value >= $4::numeric"
        ]
    );
    assert_eq!(
        query.order_by(),
        "t.value desc nulls last, t.createdAt asc nulls last, t.id desc nulls last"
    );
}

#[test]
fn what_is_unknown_or_of_another_kind_is_refused_by_name() {
    let cases = [
        ("colour", "red", Rule::Unknown),
        ("value[like]", "1", Rule::Unknown),
        ("stage[gte]", "A", Rule::Unknown),
        ("value", "much", Rule::WrongType),
        ("id", "7", Rule::NotAUuid),
        ("createdAt[gte]", "yesterday", Rule::WrongType),
        ("limit", "101", Rule::OutOfRange { min: 1, max: 100 }),
        ("page", "0", Rule::OutOfRange { min: 1, max: PAGE_MAX }),
        ("cursor", "???", Rule::NotAllowed),
        ("search", "a\0b", Rule::NotAllowed),
    ];
    for (name, value, rule) in cases {
        assert_eq!(
            parse(&[(name, value)]).unwrap_err(),
            ListError {
                field: name.into(),
                rule
            },
            "{name}={value}"
        );
    }
}

#[test]
fn a_cursor_continues_after_its_row_whatever_is_null() {
    let cursor = encode_cursor(&[None, Some("00000000-0000-0000-0000-000000000007".into())]).unwrap();
    let mut query = parse(&[("sort", "value"), ("cursor", &cursor)]).unwrap();
    assert_eq!(
        query.beyond().unwrap(),
        "(t.value is null and (t.id > $1::uuid or t.id is null))"
    );
}

#[test]
fn a_bare_date_is_a_whole_day_in_almaty() {
    let query = parse(&[("createdAt[lte]", "2025-01-31")]).unwrap();
    assert_eq!(query.values, ["2025-01-31T18:59:59.999999+00:00"]);
}
