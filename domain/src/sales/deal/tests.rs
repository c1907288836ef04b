//! The deal's rules, each as given, when, then.

use super::*;
use crate::{
    Money, Patch, Percent, Quantity, catalog::product::ProductType, finance::Currency, fixed::Rate, id::ProductId,
    office::custom_field::Custom, testing::given,
};
use serde_json::json;

fn draft() -> LineDraft {
    LineDraft {
        product_id: ProductId::default(),
        product_name: "ERP License".into(),
        product_code: Some("ERP-001".into()),
        kind: ProductType::Service,
        quantity: Quantity::whole(50),
        price: line::Price {
            amount: Money::whole(400_000),
            ..line::Price::default()
        },
        discount: Percent::whole(10),
        tax: Percent::whole(12),
        parts: vec![],
    }
}

fn lines() -> Vec<Line> {
    line::price(&mut Check::default(), "products", &[draft()], &Currency::kzt())
}

fn created(change: impl FnOnce(&mut Details, &mut Vec<Line>)) -> DealEvent {
    let mut details = Details {
        title: "ERP".into(),
        customer_id: Some(CustomerId::default()),
        currency: Currency::kzt(),
        ..Details::default()
    };
    let mut products = lines();
    change(&mut details, &mut products);
    DealEvent::Created {
        deal_number: "DL-2025-0001".into(),
        stage: Stage::Lead,
        pipeline: None,
        details: Box::new(details),
        products,
    }
}

fn won_items(events: &[DealEvent], win: Win) -> Vec<Line> {
    let state = events.iter().fold(Deal::default(), |deal, event| deal.evolve(event));
    match state.decide(&DealCommand::Win(win)).unwrap().as_slice() {
        [DealEvent::Won(won)] => {
            assert_eq!(
                line::sum(&won.items),
                Some(won.amount),
                "every total is the sum of its lines"
            );
            won.items.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_totals_as_document_two_says() {
    assert_eq!(lines()[0].total_price, Money::whole(20_160_000));
}

#[test]
fn a_final_amount_becomes_an_adjustment_line() {
    let won = Win {
        final_amount: Some(Money::whole(22_500_000)),
        ..Win::default()
    };
    let items = won_items(&[created(|_, _| {})], won);
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].total_price, Money::whole(2_340_000));
    assert_eq!(won_items(&[created(|_, _| {})], Win::default()).len(), 1);
}

#[test]
fn a_deal_without_lines_is_won_by_its_value() {
    let by_value = created(|details, products| {
        details.value = Some(Money::whole(15));
        products.clear();
    });
    assert_eq!(won_items(&[by_value], Win::default())[0].product_name, "ERP");
}

#[test]
fn winning_needs_a_customer_and_something_sold_and_is_final() {
    let nobody = created(|details, _| details.customer_id = None);
    given::<Deal>([nobody])
        .when(DealCommand::Win(Win::default()))
        .then_rejected(DealRejection::NoCustomer);
    let nothing = created(|_, products| products.clear());
    given::<Deal>([nothing])
        .when(DealCommand::Win(Win::default()))
        .then_rejected(DealRejection::NothingSold);
    let deal = Deal::default().evolve(&created(|_, _| {}));
    let won = deal.decide(&DealCommand::Win(Win::default())).unwrap();
    let deal = won.iter().fold(deal, |deal, event| deal.evolve(event));
    assert_eq!(
        deal.decide(&DealCommand::Win(Win::default())),
        Ok(vec![]),
        "winning twice is winning once"
    );
    assert_eq!(
        deal.decide(&DealCommand::Move { to: Stage::Lead }),
        Err(DealRejection::AlreadyWon)
    );
}

#[test]
fn losing_needs_a_reason_and_may_be_undone() {
    let refused = DealRejection::Invalid(Violations::one("lostReason", Rule::Required));
    given::<Deal>([created(|_, _| {})])
        .when(DealCommand::Move { to: Stage::Lost })
        .then_rejected(refused);
    let lost = DealEvent::Lost {
        from: Stage::Lead,
        reason: "price".into(),
        competitor: None,
        notes: None,
    };
    let reopened = DealEvent::StageChanged {
        from: Stage::Lost,
        to: Stage::Proposal,
        pipeline: None,
    };
    given::<Deal>([created(|_, _| {}), lost])
        .when(DealCommand::Move { to: Stage::Proposal })
        .then([reopened]);
}

#[test]
fn every_bad_line_is_named() {
    let bad = LineDraft {
        quantity: Quantity::whole(-1),
        discount: Percent::whole(101),
        ..draft()
    };
    let details = Details {
        title: " ".into(),
        currency: Currency::kzt(),
        ..Details::default()
    };
    let create = DealCommand::Create(Box::new(Draft {
        details,
        stage: Stage::Won,
        place: None,
        products: vec![draft(), bad],
    }));
    let Err(DealRejection::Invalid(found)) = Deal::default().decide(&create) else {
        panic!("accepted")
    };
    assert_eq!(
        found.to_string(),
        "title: required, stage: not_allowed, products[1].quantity: not_positive, products[1].discount: out_of_range"
    );
}

fn given_away() -> Vec<Line> {
    let free = LineDraft {
        discount: Percent::whole(100),
        ..draft()
    };
    line::price(&mut Check::default(), "products", &[free], &Currency::kzt())
}

fn won(events: &[DealEvent], win: Win) -> Result<Won, DealRejection> {
    let state = events.iter().fold(Deal::default(), |deal, event| deal.evolve(event));
    match state.decide(&DealCommand::Win(win))?.as_slice() {
        [DealEvent::Won(won)] => Ok(won.as_ref().clone()),
        other => panic!("{other:?}"),
    }
}

/// Lines, a named value, a named amount → the amount, or nothing sold.
#[test]
fn a_line_is_something_sold_even_when_it_is_given_away() {
    let free = given_away;
    let whole = |amount| Some(Money::whole(amount));
    let table = [
        (free(), None, None, whole(0)),
        (free(), whole(500), None, whole(0)),
        (free(), None, whole(0), whole(0)),
        (free(), None, whole(700), whole(700)),
        (lines(), None, whole(0), whole(0)),
        (lines(), None, None, whole(20_160_000)),
        (vec![], whole(15), None, whole(15)),
        (vec![], None, whole(20), whole(20)),
        (vec![], None, None, None),
        (vec![], whole(0), None, None),
        (vec![], whole(15), whole(0), None),
    ];
    for (products, value, named, amount) in table {
        let deal = created(|details, lines| (details.value, *lines) = (value, products));
        let win = Win {
            final_amount: named,
            ..Win::default()
        };
        let found = won(&[deal], win).map(|won| {
            assert_eq!(line::sum(&won.items), Some(won.amount));
            won.amount
        });
        assert_eq!(found, amount.ok_or(DealRejection::NothingSold), "{value:?} {named:?}");
    }
    let negative = Win {
        final_amount: Some(Money::whole(-1)),
        ..Win::default()
    };
    let refused = DealRejection::Invalid(Violations::one("finalAmount", Rule::Negative));
    assert_eq!(won(&[created(|_, _| {})], negative), Err(refused));
}

#[test]
fn what_is_won_bears_the_customers_name_and_terms_of_that_moment() {
    let buyer = Buyer {
        id: CustomerId::default(),
        name: "ТОО Новое имя".into(),
        payment_terms: Some("NET_45".into()),
    };
    let now = Circumstances {
        customer: Some(buyer.clone()),
        payment_days: Some(45),
        ..Circumstances::default()
    };
    let win = |now: &Circumstances| Win {
        now: Box::new(now.clone()),
        ..Win::default()
    };
    let old_name = created(|details, _| details.customer_name = Some("ТОО Старое имя".into()));
    let found = won(std::slice::from_ref(&old_name), win(&now)).unwrap();
    assert_eq!(
        (
            found.customer_name.as_deref(),
            found.payment_terms.as_deref(),
            found.payment_days
        ),
        (Some("ТОО Новое имя"), Some("NET_45"), Some(45))
    );
    // Whichever way it is won.
    let state = Deal::default().evolve(&old_name);
    let by_update = DealCommand::Update {
        change: Box::default(),
        products: None,
        stage: Some(Stage::Won),
        stand: None,
        now: Box::new(now.clone()),
    };
    assert_eq!(state.decide(&by_update), state.decide(&DealCommand::Win(win(&now))));
    // An archived customer is not found any more: the name as it was known stays.
    let kept = won(std::slice::from_ref(&old_name), Win::default()).unwrap();
    assert_eq!(kept.customer_name.as_deref(), Some("ТОО Старое имя"));
    // Looked up for another customer, or at another currency's rate: somebody has to look again.
    let another = Circumstances {
        customer: Some(Buyer {
            id: CustomerId::new(uuid::Uuid::from_u128(7)),
            ..buyer
        }),
        ..now.clone()
    };
    let dollars = Circumstances {
        rate: Some(("USD".into(), Rate::whole(500))),
        ..now
    };
    for stale in [another, dollars] {
        assert_eq!(
            won(std::slice::from_ref(&old_name), win(&stale)),
            Err(DealRejection::ChangedMeanwhile)
        );
    }
}

/// What the deal has, what the change names → whether the currency may change.
#[test]
fn a_deals_currency_does_not_change_under_its_amounts() {
    let refused = || Err(DealRejection::Invalid(Violations::one("currency", Rule::OtherCurrency)));
    let value = Some(Money::whole(1_000));
    let table = [
        (vec![], None, None, None, Ok(())),
        (lines(), None, None, None, refused()),
        (lines(), None, None, Some(vec![draft()]), Ok(())),
        (lines(), None, None, Some(vec![]), Ok(())),
        (vec![], value, None, None, refused()),
        (vec![], value, value, None, Ok(())),
        (lines(), value, value, None, refused()),
        (lines(), value, None, Some(vec![draft()]), refused()),
    ];
    for (has, valued, new_value, new_lines, expected) in table {
        let deal = Deal::default().evolve(&created(|details, lines| (details.value, *lines) = (valued, has)));
        let change = Change {
            currency: Currency::from("USD").into(),
            value: new_value.map_or(Patch::Keep, |value| Patch::Set(Some(value))),
            ..Change::default()
        };
        let update = DealCommand::Update {
            change: Box::new(change),
            products: new_lines,
            stage: None,
            stand: None,
            now: Box::default(),
        };
        assert_eq!(deal.decide(&update).map(drop), expected);
    }
}

/// The look-up for a won deal reads them.
#[test]
fn a_deal_tells_its_details_once_there_is_one() {
    assert_eq!(Deal::default().details(), None);
    let deal = Deal::default().evolve(&created(|_, _| {}));
    assert_eq!(deal.details().map(|details| details.title.as_str()), Some("ERP"));
}

#[test]
fn what_is_won_hands_on_the_values_of_fields_that_orders_have_too() {
    let custom = |value| serde_json::from_value(value).unwrap();
    let deal = created(|details, _| details.custom = custom(json!({"gate": 3, "channel": "выставка"})));
    let handed_on = |keys: &[&str], change: Option<Custom>| {
        let now = Circumstances {
            inherited: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Circumstances::default()
        };
        let command = DealCommand::Update {
            change: Box::new(Change {
                custom: change.map_or(Patch::Keep, |change| Patch::Set(Some(change))),
                ..Change::default()
            }),
            products: None,
            stage: Some(Stage::Won),
            stand: None,
            now: Box::new(now),
        };
        let decided = Deal::default().evolve(&deal).decide(&command).unwrap();
        let Some(DealEvent::Won(won)) = decided.into_iter().last() else {
            panic!("it is won")
        };
        won.custom
    };
    assert_eq!(handed_on(&[], None), None);
    assert_eq!(handed_on(&["colour"], None), None);
    assert_eq!(handed_on(&["gate", "colour"], None), custom(json!({"gate": 3})));
    let changed = custom(json!({"gate": 4}));
    assert_eq!(handed_on(&["gate"], changed), custom(json!({"gate": 4})));
}
