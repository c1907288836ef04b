//! The list grammar: what it understands and what it refuses.

use super::*;
use crate::column::ColumnKind;

const STAGES: &[&str] = &["NEGOTIATION", "CLOSING"];

fn grammar() -> Grammar {
    let field = |name: &str, kind| Field::new(name, format!("t.{name}"), kind);
    Grammar {
        fields: vec![
            Field {
                counted: Some("stage"),
                ..field("stage", ColumnKind::Choice(STAGES))
            },
            field("title", ColumnKind::Text),
            field("value", ColumnKind::Number),
            Field {
                nullable: true,
                ..field("due", ColumnKind::Date)
            },
            field("tags", ColumnKind::Tags),
            Field {
                within: Some("t.customer_id in (select r.id from customers r where {})".into()),
                ..Field::new("customer.type", "r.type", ColumnKind::Text)
            },
            field("createdAt", ColumnKind::Time),
            field("id", ColumnKind::Uuid),
            field("custom", ColumnKind::Custom),
        ],
        aliases: &[("minValue", "value", Op::Gte)],
        search: "t.search_text",
    }
}

fn parse(query: &[(&str, &str)]) -> Result<Query, ListError> {
    let pairs: Vec<_> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    grammar().parse(&pairs)
}

fn order(query: &Query) -> Vec<String> {
    let key = |key: &SortKey| format!("{} {}", key.sql, key.direction());
    query.order.iter().map(key).collect()
}

#[test]
fn the_documents_example_is_understood() {
    let query = parse(&[
        ("stage", "NEGOTIATION,CLOSING"),
        ("value[gte]", "1000000"),
        ("minValue", "5"),
        ("customer.type", "COMPANY"),
        ("sort", "-value,createdAt"),
    ])
    .unwrap();
    assert_eq!(
        query.conditions,
        [
            "t.stage in ($1::text, $2::text)",
            "t.value >= $3::numeric",
            "t.value >= $4::numeric",
            "t.customer_id in (select r.id from customers r where r.type = $5::text)"
        ]
    );
    assert_eq!(order(&query), ["t.value desc", "t.createdAt asc", "t.id desc"]);
    assert_eq!(query.only, None);
}

#[test]
fn fields_of_the_workspaces_own_are_found_by_their_keys() {
    let query = parse(&[("custom.class", "A"), ("custom.size", "5"), ("custom.size[ne]", "1,")]).unwrap();
    assert_eq!(
        query.conditions,
        [
            "(t.custom @> $1::jsonb)",
            "(t.custom @> $2::jsonb or t.custom @> $3::jsonb)",
            "(t.custom @> $4::jsonb or t.custom @> $5::jsonb) is not true",
        ]
    );
    assert_eq!(
        query.values,
        [
            r#"{"class":"A"}"#,
            r#"{"size":5}"#,
            r#"{"size":"5"}"#,
            r#"{"size":1}"#,
            r#"{"size":"1"}"#
        ]
    );
    for (name, value) in [
        ("custom", "A"),
        ("custom.a b", "A"),
        ("custom.size[gt]", "5"),
        ("title.size", "5"),
        ("sort", "custom"),
        ("sort", "custom.a b"),
        ("sort", "title.size"),
    ] {
        assert!(parse(&[(name, value)]).is_err(), "{name}={value}");
    }
}

#[test]
fn a_field_of_the_workspaces_own_is_sorted_by_what_its_values_are() {
    let number = "(case when jsonb_typeof(t.custom->'size') = 'number' then (t.custom->>'size')::numeric end)";
    let text =
        "(case when jsonb_typeof(t.custom->'size') = 'string' then (t.custom->>'size') collate reading.kazakh end)";
    let query = parse(&[("sort", "-custom.size")]).unwrap();
    let falling = "desc nulls last";
    assert_eq!(
        order(&query),
        [
            format!("{number} {falling}"),
            format!("{text} {falling}"),
            "t.id desc".into()
        ]
    );
    assert_eq!(
        beyond("custom.size", &[None, Some("A")]),
        format!(
            "{number} is null and (false or ({number} is null and (({text} > $1::text or {text} is null) or \
             ({text} = $1::text and t.id > $2::uuid))))"
        )
    );
    assert!(beyond("custom.size", &[Some("12.50"), None]).contains(&format!("{number} > $1::numeric")));
    assert!(parse(&[("sort", "custom.size,custom.class")]).is_ok());
    let many = parse(&[("sort", "custom.size,custom.class,title")]).unwrap_err();
    assert_eq!(many.rule, Rule::TooMany { max: 4 }, "each of them counts twice");
}

#[test]
fn what_has_its_total_kept_is_known_by_its_column() {
    let only = |query: &[(&str, &str)]| {
        parse(query)
            .unwrap()
            .only
            .map(|(column, values)| (column, values.len()))
    };
    assert_eq!(only(&[("stage", "CLOSING,NEGOTIATION")]), Some(("stage".into(), 2)));
    assert_eq!(only(&[("stage[ne]", "CLOSING")]), None);
    assert_eq!(only(&[("stage", "CLOSING"), ("value", "1")]), None);
    assert_eq!(only(&[("stage", "CLOSING"), ("search", "a")]), None);
    assert_eq!(only(&[("title", "a")]), None);
}

#[test]
fn what_is_unknown_or_of_another_kind_is_refused_by_name() {
    let pages = DEPTH_MAX / LIMIT_DEFAULT;
    let cases = [
        ("colour", "red", Rule::Unknown),
        ("value[like]", "1", Rule::Unknown),
        ("stage[gte]", "A", Rule::Unknown),
        ("stage", "NIRVANA", Rule::NotAllowed),
        ("stage", "CLOSING,closing", Rule::NotAllowed),
        ("value", "much", Rule::WrongType),
        ("id", "7", Rule::NotAUuid),
        ("createdAt[gte]", "yesterday", Rule::WrongType),
        ("limit", "101", Rule::OutOfRange { min: 1, max: 100 }),
        ("page", "0", Rule::OutOfRange { min: 1, max: DEPTH_MAX }),
        ("page", "501", Rule::OutOfRange { min: 1, max: pages }),
        ("sort", "customer.type", Rule::Unknown),
        ("sort", "tags", Rule::Unknown),
        ("sort", "id,value,stage,title,due", Rule::TooMany { max: 4 }),
        ("cursor", "???", Rule::NotAllowed),
        ("search", "a\0b", Rule::NotAllowed),
        ("asOf", "7", Rule::NotAllowed),
    ];
    for (name, value, rule) in cases {
        let refused = parse(&[(name, value)]).unwrap_err();
        assert_eq!((refused.field.as_str(), refused.rule), (name, rule), "{name}={value}");
    }
    let many: Vec<(&str, &str)> = vec![("value", "1"); FILTERS_MAX + 1];
    assert_eq!(parse(&many).unwrap_err().rule, Rule::TooMany { max: FILTERS_MAX });
    assert!(parse(&many[1..]).is_ok());
}

#[test]
fn a_refusal_names_what_there_is() {
    let known = |name, value| parse(&[(name, value)]).unwrap_err().known;
    assert_eq!(known("stage", "NIRVANA"), STAGES);
    assert_eq!(known("order", "up"), ["asc", "desc"]);
    assert_eq!(known("stage[gte]", "A"), ["stage[eq]", "stage[ne]"]);
    assert!(known("value[like]", "1").contains(&"value[gte]".to_owned()));
    for name in ["stage", "customer.type", "minValue", "search", "tags"] {
        assert!(known("colour", "red").contains(&name.to_owned()), "{name}");
    }
    assert!(known("sort", "colour").contains(&"due".to_owned()));
    assert!(!known("sort", "colour").contains(&"tags".to_owned()));
}

fn beyond(sort: &str, keys: &[Option<&str>]) -> String {
    let id = "00000000-0000-0000-0000-000000000007";
    let keys = keys
        .iter()
        .map(|key| key.map(str::to_owned))
        .chain([Some(id.to_owned())]);
    let cursor = Cursor {
        keys: keys.collect(),
        page: 3,
        total: 45,
        is_estimate: false,
    };
    let mut query = parse(&[("sort", sort), ("cursor", &cursor.encode().unwrap())]).unwrap();
    query.beyond().unwrap()
}

#[test]
fn a_cursor_continues_after_its_row_whatever_is_null() {
    let now = "2026-01-01T00:00:00Z";
    assert_eq!(
        beyond("-createdAt", &[Some(now)]),
        "(t.createdAt, t.id) < ($1::timestamptz, $2::uuid)",
        "what one index serves"
    );
    assert_eq!(
        beyond("due", &[None]),
        "t.due is null and (false or (t.due is null and t.id > $1::uuid))"
    );
    assert_eq!(
        beyond("-value,createdAt", &[Some("5"), Some(now)]),
        "t.value <= $1::numeric and (t.value < $1::numeric or (t.value = $1::numeric and \
         (t.createdAt > $2::timestamptz or (t.createdAt = $2::timestamptz and t.id < $3::uuid))))"
    );
}

#[test]
fn its_length_grows_with_the_keys_and_not_with_their_square() {
    let keys = |n: usize| vec![Some("1"); n];
    let grown = |sort: &str, n| beyond(sort, &keys(n)).len();
    let (two, three) = (grown("-value,title", 2), grown("-value,title,stage", 3));
    assert!(three - two < 80, "{two} {three}");
}

#[test]
fn a_bare_date_is_a_whole_day_in_almaty() {
    let bounds = |name, value| parse(&[(name, value)]).unwrap().values;
    assert_eq!(
        bounds("createdAt[lte]", "2025-01-31"),
        ["2025-01-31T18:59:59.999999+00:00"]
    );
    assert_eq!(
        bounds("createdAt", "2023-06-01"),
        ["2023-05-31T18:00:00+00:00", "2023-06-01T18:00:00+00:00"],
        "an hour further from UTC than now"
    );
}

#[test]
fn a_text_is_compared_as_it_is_stored() {
    let decomposed = "И\u{306}огурт";
    let query = parse(&[("title", decomposed), ("search", decomposed)]).unwrap();
    assert_eq!(query.values, ["Йогурт", "%йогурт%"]);
}
