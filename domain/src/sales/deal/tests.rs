//! The deal's rules, each as given, when, then.

use super::*;
use crate::{Percent, Quantity, catalog::product::ProductType, id::ProductId, testing::given};

fn draft() -> LineDraft {
    LineDraft {
        product_id: ProductId::default(),
        product_name: "ERP License".into(),
        product_code: Some("ERP-001".into()),
        kind: ProductType::Service,
        quantity: Quantity::whole(50),
        unit_price: Money::whole(400_000),
        discount: Percent::whole(10),
        tax: Percent::whole(12),
    }
}

fn lines() -> Vec<Line> {
    line::price(&mut Check::default(), "products", &[draft()])
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
