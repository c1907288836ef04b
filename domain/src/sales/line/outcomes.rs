//! What a line says of itself, and every way in which lines are refused.

use super::*;
use crate::{sales::deal::DealEvent, testing::sample};

/// Of a product, of something made, and an adjustment.
fn lines() -> Vec<Line> {
    match sample("deal.won.v1") {
        DealEvent::Won(won) => won.items,
        other => panic!("{other:?}"),
    }
}

fn of(kind: LineType) -> Line {
    Line {
        kind,
        ..lines().remove(0)
    }
}

#[test]
fn where_its_goods_come_from() {
    use ProductType as P;
    for (kind, made, taken) in [
        (P::Product, false, true),
        (P::Material, false, true),
        (P::Manufactured, true, false),
        (P::Service, false, false),
        (P::Bundle, false, false),
        (P::Digital, false, false),
    ] {
        let line = of(LineType::Product(kind));
        assert_eq!((line.is_manufactured(), line.is_stocked()), (made, taken), "{kind:?}");
    }
    let line = of(LineType::Adjustment(Adjustment::Adjustment));
    assert!(!line.is_manufactured() && !line.is_stocked());
}

/// Kind of the line, kinds of its parts → what leaves the shelf for three of it.
#[test]
fn a_bundle_leaves_as_its_parts() {
    use ProductType as P;
    let part = |n: u128, kind| Part {
        product_id: ProductId::new(uuid::Uuid::from_u128(n)),
        product_name: format!("part {n}"),
        kind,
        quantity: Quantity::whole(2),
    };
    let parts = vec![part(1, P::Product), part(2, P::Service), part(3, P::Manufactured)];
    for (kind, parts, expected) in [
        (P::Bundle, parts, vec![(1, 6), (3, 6)]),
        (P::Bundle, vec![], vec![]),
        (P::Service, vec![], vec![]),
    ] {
        let line = Line {
            parts,
            ..of(LineType::Product(kind))
        };
        let goods = line.goods(Quantity::whole(3));
        let goods: Vec<_> = goods
            .iter()
            .map(|goods| (goods.product_id.uuid().as_u128(), goods.quantity))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(n, quantity)| (n, Quantity::whole(quantity)))
            .collect();
        assert_eq!(goods, expected, "{kind:?}");
    }
    let own = of(LineType::Product(P::Product)).goods(Quantity::whole(3));
    assert_eq!(own.len(), 1, "itself");
}

#[test]
fn an_adjustment_is_the_difference_and_nothing_when_there_is_none() {
    assert_eq!(Line::adjustment("Adjustment", Money::ZERO), None);
    let line = Line::adjustment("Adjustment", Money::whole(-5)).unwrap();
    assert_eq!(
        (line.total_price, line.unit_price),
        (Money::whole(-5), Money::whole(-5))
    );
    assert_eq!((line.product_id, line.product_name.as_str()), (None, "Adjustment"));
    assert_eq!(
        (line.quantity, line.discount, line.tax),
        (Quantity::whole(1), Percent::ZERO, Percent::ZERO)
    );
    assert_eq!(serde_json::to_value(line.kind).unwrap(), "ADJUSTMENT");
}

#[test]
fn the_sum_is_that_of_all_or_none() {
    let totals = |lines: &[Line]| lines.iter().map(|line| line.total_price.units()).sum::<i64>();
    assert_eq!(sum(&lines()).map(Money::units), Some(totals(&lines())));
    assert_eq!(sum(&[]), Some(Money::ZERO));
    let large = Line {
        total_price: Money::from_units(999_999_999_999_999).unwrap(),
        ..lines().remove(0)
    };
    assert_eq!(sum(&[large.clone(), large]), None);
}
