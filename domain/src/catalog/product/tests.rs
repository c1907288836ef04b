//! The product's rules, each as given, when, then.

use super::{
    details::{BYTES_MAX, DEPTH_MAX, LISTED_MAX, SPECIFICATIONS_MAX, size},
    *,
};
use crate::{Fields, Money, Patch, Quantity, Rule, finance::Currency, testing::given};
use serde_json::{Map, Value};

fn details() -> Details {
    Details {
        code: "PRD-001".into(),
        name: "Ноутбук".into(),
        unit: "шт".into(),
        ..Details::default()
    }
}

#[test]
fn a_new_code_gives_the_old_one_back() {
    let product = Product::Known(Box::new(details()), vec![]);
    let change = Change {
        code: Patch::Set("PRD-002".into()),
        ..Change::default()
    };
    let claims = product.claims(&ProductEvent::Updated(Box::new(change)));
    assert_eq!(
        claims,
        [
            Claim::release("product.code", "PRD-001"),
            Claim::take("product.code", "PRD-002")
        ]
    );
}

#[test]
fn a_negative_price_is_refused_by_name() {
    let change = Change {
        price: Patch::Set(Money::whole(-1)),
        ..Change::default()
    };
    let refused = ProductRejection::Invalid(Violations::one("price", Rule::Negative));
    given::<Product>([ProductEvent::Created(Box::new(details()))])
        .when(ProductCommand::Update(Box::new(change)))
        .then_rejected(refused);
}

fn known() -> [ProductEvent; 1] {
    [ProductEvent::Created(Box::new(details()))]
}

fn priced(price: i32) -> Box<Change> {
    Box::new(Change {
        price: Patch::Set(Money::whole(price)),
        ..Change::default()
    })
}

#[test]
fn create_and_update() {
    let create = |details| ProductCommand::Create(Box::new(details));
    let update = |price| ProductCommand::Update(priced(price));
    given::<Product>([]).when(create(details())).then(known());
    given::<Product>([])
        .when(create(Details::default()))
        .then_rejected(ProductRejection::Invalid(Details::default().checked().unwrap_err()));
    given::<Product>([])
        .when(update(1))
        .then_rejected(ProductRejection::Missing);
    given::<Product>(known())
        .when(create(details()))
        .then_rejected(ProductRejection::AlreadyCreated);
    given::<Product>(known())
        .when(update(7))
        .then([ProductEvent::Updated(priced(7))]);
    given::<Product>(known()).when(update(0)).then([]);
    let seven = ProductEvent::Updated(priced(7));
    given::<Product>(known().into_iter().chain([seven]))
        .when(update(7))
        .then([]);
}

#[test]
fn what_is_known_of_it_is_what_was_told_last() {
    let product = Product::default();
    assert_eq!(product.details(), None);
    assert_eq!(
        product.clone().evolve(&ProductEvent::Updated(priced(7))),
        Product::Unknown
    );
    let product = product.evolve(&known()[0]).evolve(&ProductEvent::Updated(priced(7)));
    let expected = Details {
        price: Money::whole(7),
        ..details()
    };
    assert_eq!(product.details(), Some(&expected));
}

#[test]
fn keys_are_taken_and_given_back() {
    let barcoded = |code: Option<&str>| {
        ProductEvent::Updated(Box::new(Change {
            barcode: Patch::Set(code.map(str::to_owned)),
            ..Change::default()
        }))
    };
    let [created] = known();
    let product = Product::default();
    assert_eq!(product.claims(&created), [Claim::take("product.code", "PRD-001")]);
    let product = product.evolve(&created);
    assert_eq!(product.claims(&ProductEvent::Updated(priced(7))), []);
    assert_eq!(
        product.claims(&barcoded(Some("487"))),
        [Claim::take("product.barcode", "487")]
    );
    let product = product.evolve(&barcoded(Some("487")));
    assert_eq!(product.claims(&barcoded(Some("487"))), []);
    assert_eq!(
        product.claims(&barcoded(None)),
        [Claim::release("product.barcode", "487")]
    );
}

#[test]
fn a_new_one_has_a_unit_and_what_was_named() {
    let named = Change {
        code: Patch::Set("PRD-001".into()),
        ..*priced(7)
    };
    let new = Details::new(&named);
    assert_eq!(
        (new.code.as_str(), new.price, new.unit.as_str()),
        ("PRD-001", Money::whole(7), "шт")
    );
    let litres = Change {
        unit: Patch::Set("л".into()),
        ..named
    };
    assert_eq!(Details::new(&litres).unit, "л");
}

#[test]
fn what_can_lie_on_a_shelf() {
    let shelved = ProductType::ALL
        .iter()
        .filter(|kind| kind.is_stocked())
        .map(|kind| kind.as_str());
    assert_eq!(shelved.collect::<Vec<_>>(), ["PRODUCT", "MATERIAL", "MANUFACTURED"]);
}

/// A value in so many lists or objects.
fn nested(levels: usize, wrap: fn(Value) -> Value) -> Value {
    (0..levels).fold(Value::Null, |inner, _| wrap(inner))
}

#[test]
fn specifications_at_their_edges() {
    let many = |count: usize| (0..count).map(|n| (n.to_string(), Value::Null)).collect::<Map<_, _>>();
    let one = |value: Value| Map::from_iter([("key".to_owned(), value)]);
    let list = |inner| Value::Array(vec![inner]);
    let object = |inner| Value::Object(Map::from_iter([(String::new(), inner)]));
    // Beside the longest there is one that is shallow.
    let beside = |value: Value| Map::from_iter([("a".to_owned(), value), ("b".to_owned(), Value::Null)]);
    let text = |bytes: usize| Value::String("x".repeat(bytes));
    let max = BYTES_MAX - "key".len() - 2;
    for (specifications, rule) in [
        (many(SPECIFICATIONS_MAX), None),
        (many(SPECIFICATIONS_MAX + 1), Some(Rule::TooMany { max: 100 })),
        (one(nested(DEPTH_MAX - 1, list)), None),
        (one(nested(DEPTH_MAX, list)), Some(Rule::TooDeep { max: 110 })),
        (one(nested(DEPTH_MAX - 1, object)), None),
        (beside(nested(DEPTH_MAX, object)), Some(Rule::TooDeep { max: 110 })),
        (one(text(max)), None),
        (one(text(max + 1)), Some(Rule::TooLong { max: 16_384 })),
        (beside(text(BYTES_MAX - 8)), None),
        (beside(text(BYTES_MAX - 7)), Some(Rule::TooLong { max: 16_384 })),
    ] {
        let product = Details {
            specifications,
            ..details()
        };
        let expected = rule.map_or(Ok(()), |rule| Err(Violations::one("specifications", rule)));
        assert_eq!(product.verified(), expected);
    }
}

#[test]
fn a_value_counts_about_as_many_bytes_as_it_has() {
    use serde_json::json;
    for (value, bytes) in [
        (json!(null), 4),
        (json!(true), 4),
        (json!(1.5), 8),
        (json!("abc"), 5),
        (json!([]), 2),
        (json!(["abc", "d"]), 5 + 1 + 3 + 1 + 2),
        (json!({}), 2),
        (json!({ "ab": "abc", "c": true }), 2 + 5 + 4 + 1 + 4 + 4 + 2),
    ] {
        assert_eq!(size(&value), bytes, "{value}");
    }
}

/// What the product costs, what the change names beside the currency → whether the currency may change.
#[test]
fn a_product_s_currency_does_not_change_under_its_prices() {
    let refused = Err(ProductRejection::Invalid(Violations::one(
        "currency",
        Rule::OtherCurrency,
    )));
    let (price, cost) = (Money::whole(100), Some(Money::whole(60)));
    let named = Patch::Set(Money::whole(1));
    for (price, cost, new_price, new_cost, expected) in [
        (Money::ZERO, None, Patch::Keep, Patch::Keep, Ok(())),
        (price, None, Patch::Keep, Patch::Keep, refused.clone()),
        (price, None, named, Patch::Keep, Ok(())),
        (price, cost, named, Patch::Keep, refused.clone()),
        (price, cost, named, Patch::Set(None), Ok(())),
    ] {
        let priced = Details {
            price,
            cost,
            ..details()
        };
        let product = Product::Known(Box::new(priced), vec![]);
        let change = Change {
            currency: Currency::from("USD").into(),
            price: new_price,
            cost: new_cost,
            ..Change::default()
        };
        let decided = product.decide(&ProductCommand::Update(Box::new(change)));
        assert_eq!(decided.map(drop), expected);
    }
}

#[test]
fn archive() {
    let when = |before: Vec<ProductEvent>| given::<Product>(before).when(ProductCommand::Archive);
    when(vec![]).then_rejected(ProductRejection::Missing);
    when(known().into()).then([ProductEvent::Archived {}]);
    let archived = || known().into_iter().chain([ProductEvent::Archived {}]);
    when(archived().collect()).then_rejected(ProductRejection::Missing);
    given::<Product>(archived())
        .when(ProductCommand::Update(priced(7)))
        .then_rejected(ProductRejection::Missing);
    given::<Product>(archived())
        .when(ProductCommand::Create(Box::new(details())))
        .then_rejected(ProductRejection::AlreadyCreated);
    let product = archived().fold(Product::default(), |product, event| product.evolve(&event));
    assert_eq!(product.details(), None);
    assert_eq!(product.clone().evolve(&ProductEvent::Updated(priced(7))), product);
}

#[test]
fn what_is_archived_gives_its_codes_back() {
    let coded = Details {
        barcode: Some("1".into()),
        barcodes: vec!["2".into(), "3".into()],
        ..details()
    };
    let product = Product::Known(Box::new(coded), vec![]);
    let change = Change {
        barcode: Patch::Set(Some("3".into())),
        barcodes: Patch::Set(vec!["2".into(), "4".into()]),
        ..Change::default()
    };
    let (release, take) = (
        |key: &str| Claim::release("product.barcode", key),
        |key: &str| Claim::take("product.barcode", key),
    );
    assert_eq!(
        product.claims(&ProductEvent::Updated(Box::new(change))),
        [release("1"), take("4")]
    );
    let code = Claim::release("product.code", "PRD-001");
    assert_eq!(
        product.claims(&ProductEvent::Archived {}),
        [code, release("1"), release("2"), release("3")]
    );
}

/// What is said twice → where.
#[test]
fn nothing_is_said_twice() {
    let packing = |unit: &str| Packing {
        unit: unit.into(),
        factor: Quantity::whole(12),
    };
    let in_language = |language| Translation {
        language,
        ..Translation::default()
    };
    let twice = |change: fn(&mut Details)| {
        let mut product = details();
        change(&mut product);
        product
    };
    for (product, place) in [
        (
            twice(|product| product.barcodes = vec!["1".into(), "1".into()]),
            "barcodes[1]",
        ),
        (
            twice(|product| {
                product.barcode = Some("1".into());
                product.barcodes = vec!["1".into()];
            }),
            "barcodes[0]",
        ),
        (
            Details {
                units: vec![packing("шт")],
                ..details()
            },
            "units[0].unit",
        ),
        (
            Details {
                units: vec![packing("кор"), packing("пал"), packing("кор")],
                ..details()
            },
            "units[2].unit",
        ),
        (
            Details {
                translations: vec![in_language(Language::Kk), in_language(Language::Kk)],
                ..details()
            },
            "translations[1].language",
        ),
    ] {
        assert_eq!(product.verified(), Err(Violations::one(place, Rule::NotUnique)));
    }
    let each = Details {
        barcode: Some("1".into()),
        barcodes: vec!["2".into()],
        units: vec![packing("кор"), packing("пал")],
        translations: [Language::Kk, Language::Ru, Language::En].map(in_language).into(),
        ..details()
    };
    assert_eq!(each.verified(), Ok(()));
}

#[test]
fn lists_have_an_end() {
    for (count, expected) in [
        (LISTED_MAX, Ok(())),
        (
            LISTED_MAX + 1,
            Err(Violations::one("images", Rule::TooMany { max: LISTED_MAX })),
        ),
    ] {
        let image = Image {
            url: "/files/1.jpg".into(),
            ..Image::default()
        };
        let product = Details {
            images: vec![image; count].into_iter().collect(),
            ..details()
        };
        assert_eq!(product.verified(), expected);
    }
}

#[test]
fn how_many_pieces_a_unit_is() {
    let product = Details {
        units: vec![Packing {
            unit: "кор".into(),
            factor: Quantity::whole(12),
        }],
        ..details()
    };
    for (unit, factor) in [("шт", Some(1)), ("кор", Some(12)), ("пал", None)] {
        assert_eq!(product.factor(unit), factor.map(Quantity::whole), "{unit}");
    }
}
