//! Exact numbers: arithmetic at its edges, and every way in and out.

use super::*;

fn total(quantity: i32, price: i32, discount: i32, tax: i32) -> Option<Money> {
    Money::line_total(
        Quantity::whole(quantity),
        Money::whole(price),
        Percent::whole(discount),
        Percent::whole(tax),
    )
}

#[test]
fn the_figures_of_the_requirements_come_out() {
    assert_eq!(total(50, 400_000, 10, 12), Some(Money::whole(20_160_000)));
    assert_eq!(total(10, 650_000, 5, 12), Some(Money::whole(6_916_000)));
    assert_eq!(total(40, 50_000, 0, 12), Some(Money::whole(2_240_000)));
}

#[test]
fn half_a_tiyn_goes_away_from_zero() {
    let price = Money::from_units(1).unwrap();
    let half = Quantity::from_units(500).unwrap();
    assert_eq!(half.cost(price), Money::from_units(1));
    assert_eq!(half.cost(-price), Money::from_units(-1));
}

#[test]
fn every_value_survives_json() {
    for units in [
        0,
        1,
        -1,
        99,
        100,
        1_050,
        12_345_678,
        999_999_999_999_999,
        -999_999_999_999_999,
        100_000_000_000_001,
    ] {
        let money = Money::from_units(units).unwrap();
        let text = serde_json::to_string(&money).unwrap();
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money, "{text}");
    }
}

#[test]
fn what_is_not_exact_or_not_a_number_is_refused() {
    for (text, rule) in [
        ("0.001", "too_precise"),
        ("1e30", "too_large"),
        ("99999999999999", "too_large"),
        ("1e400", "out of range"),
        ("\"12\"", "invalid type"),
    ] {
        let error = serde_json::from_str::<Money>(text).unwrap_err().to_string();
        assert!(error.contains(rule), "{text}: {error}");
    }
}

#[test]
fn the_largest_line_neither_wraps_nor_panics() {
    let quantity = Quantity::from_units(Thousandth::LIMIT).unwrap();
    let price = Money::from_units(Tiyn::LIMIT).unwrap();
    assert_eq!(
        Money::line_total(quantity, price, Percent::ZERO, Percent::whole(100)),
        None
    );
}

fn money(units: i64) -> Money {
    Money::from_units(units).unwrap()
}

fn quantity(units: i64) -> Quantity {
    Quantity::from_units(units).unwrap()
}

#[test]
fn a_value_stays_within_its_limit() {
    for limit in [Tiyn::LIMIT, -Tiyn::LIMIT] {
        assert_eq!(Money::from_units(limit).map(Money::units), Some(limit));
        assert_eq!(Money::from_units(limit + limit.signum()), None);
    }
    assert_eq!(Percent::from_units(100_001), None);
    assert_eq!((Money::whole(-3).units(), Quantity::whole(2).units()), (-300, 2_000));
}

#[test]
fn signs() {
    for (units, sign) in [
        (-1, (false, false, true)),
        (0, (true, false, false)),
        (1, (false, true, false)),
    ] {
        let value = money(units);
        assert_eq!((value.is_zero(), value.is_positive(), value.is_negative()), sign);
        assert_eq!((-value).units(), -units);
    }
    assert!(money(1) < money(2) && money(2) > money(1) && money(2) == money(2) && money(1) != money(2));
    assert_eq!(money(1).partial_cmp(&money(2)), Some(Ordering::Less));
}

#[test]
fn sums_are_exact_or_told_or_stop_at_the_limit() {
    let (most, least) = (money(Tiyn::LIMIT), money(-Tiyn::LIMIT));
    assert_eq!(money(2).checked_add(money(3)), Some(money(5)));
    assert_eq!(money(2).checked_sub(money(3)), Some(money(-1)));
    assert_eq!((most.checked_add(money(1)), least.checked_sub(money(1))), (None, None));
    assert_eq!(
        (money(2).plus(money(3)), money(2).minus(money(3))),
        (money(5), money(-1))
    );
    assert_eq!((most.plus(money(1)), most.minus(money(-1))), (most, most));
    assert_eq!((least.minus(money(1)), least.plus(money(-1))), (least, least));
    assert_eq!(Money::checked_sum([money(1), money(2), money(3)]), Some(money(6)));
    assert_eq!(Money::checked_sum([most, money(1), money(-1)]), None);
    assert_eq!([money(1), money(2)].into_iter().sum::<Money>(), money(3));
    assert_eq!(Total::from(money(7)).units(), 7);
}

#[test]
fn material_is_rounded_up_and_prices_half_away() {
    for (one, times, product) in [
        (5_000, 2_000, 10_000),
        (1, 1, 1),
        (1, 1_000, 1),
        (1, 1_001, 2),
        (1_500, 1_500, 2_250),
        (0, 7_000, 0),
        (333, 3_000, 999),
    ] {
        assert_eq!(
            quantity(one).times(quantity(times)),
            Some(quantity(product)),
            "{one} {times}"
        );
    }
    assert_eq!(quantity(Thousandth::LIMIT).times(quantity(1_001)), None);
    for (much, price, cost) in [
        (2_500, 101, 253),
        (2_500, 102, 255),
        (1_499, 1, 1),
        (-1_500, 1, -2),
        (3_000, 7, 21),
    ] {
        assert_eq!(quantity(much).cost(money(price)), Some(money(cost)), "{much} {price}");
    }
    assert_eq!(quantity(Thousandth::LIMIT).cost(money(Tiyn::LIMIT)), None);
}

/// 1.005 at 1 with 50 % off and 12 % on top: rounded once, at the end.
#[test]
fn a_line_is_rounded_once() {
    let percent = |units| Percent::from_units(units).unwrap();
    for (much, price, discount, tax, expected) in [
        (1_005, 100, 5_000, 1_200, 56),
        (1_000, 1, 0, 5_000, 2),
        (1_000, 1, 0, 4_999, 1),
        (1_000, -1, 0, 5_000, -2),
        (1_000, 100, 10_000, 1_200, 0),
        (1_000, 100, 3_333, 0, 67),
    ] {
        let total = Money::line_total(quantity(much), money(price), percent(discount), percent(tax));
        assert_eq!(total, Some(money(expected)), "{much} × {price}");
    }
}

#[test]
fn numbers_as_people_and_machines_write_them() {
    for (units, text) in [(12_550, "125.5"), (0, "0"), (-1, "-0.01"), (300, "3")] {
        assert_eq!(
            (money(units).to_string(), format!("{:?}", money(units))),
            (text.into(), text.into())
        );
        assert_eq!(serde_json::to_string(&money(units)).unwrap(), text);
    }
    for (text, units) in [
        ("1.10", 110),
        ("1.1000", 110),
        ("-7", -700),
        ("1e3", 100_000),
        ("0.1e1", 100),
        ("18", 1_800),
    ] {
        assert_eq!(serde_json::from_str::<Money>(text).unwrap(), money(units), "{text}");
    }
    let refused = |text: &str| serde_json::from_str::<Quantity>(text).unwrap_err().to_string();
    assert!(refused("0.0001").starts_with("too_precise: at most 3 decimal places"));
    assert!(refused("9999999999").starts_with("too_large: quantity out of range"));
    assert!(refused("true").contains("expected a number (quantity)"));
    assert!(refused("18446744073709551615").starts_with("too_large"));
}

/// A reader that has the digits hands them over as text, and nothing passes through a double.
#[test]
fn digits_are_read_exactly() {
    use serde::de::{IntoDeserializer, Visitor as _, value::Error};
    let read = |digits: &'static str| Visitor::<Tiyn>(PhantomData).visit_str::<Error>(digits);
    for (digits, units) in [
        ("1.10", 110),
        ("9999999999999.99", Tiyn::LIMIT),
        ("1e2", 10_000),
        ("-0.01", -1),
    ] {
        assert_eq!(read(digits), Ok(money(units)), "{digits}");
    }
    for (digits, rule) in [
        ("0.00000000000000000000000000000000000000001", "too_precise"),
        ("0.001", "too_precise"),
        ("1e400", "too_large"),
        ("99999999999999999999999999999999999999999", "too_large"),
        ("-99999999999999999999999999999999999999999", "too_large"),
        ("10000000000000", "too_large"),
        ("1000000000000000.00000000000000000000000000000000", "too_large"),
        ("999999999999999.00000000000000000000000000000001", "too_precise"),
    ] {
        let told = read(digits).unwrap_err().to_string();
        assert!(told.starts_with(rule), "{digits}: {told}");
    }
    let other: Result<Money, Error> = Deserialize::deserialize(IntoDeserializer::<Error>::into_deserializer(true));
    assert!(other.unwrap_err().to_string().contains("expected a number (amount)"));
}

#[test]
fn its_schema_says_its_limits() {
    let schema = SchemaGenerator::default().into_root_schema_for::<Percent>().to_value();
    let expected = serde_json::json!({ "type": "number", "minimum": -1000, "maximum": 1000, "x-decimal-places": 2 });
    for (word, value) in expected.as_object().unwrap() {
        assert_eq!(&schema[word], value, "{word}");
    }
    assert_eq!(schema["title"], "percentage");
}

#[test]
fn tax_inside_an_amount_comes_out() {
    assert_eq!(
        Money::whole(112).without_tax(Percent::whole(12)),
        Some(Money::whole(100))
    );
    let laptop = Money::whole(650_000).without_tax(Percent::whole(12));
    assert_eq!(laptop, Money::from_units(58_035_714));
    let credit = Money::whole(-650_000).without_tax(Percent::whole(12));
    assert_eq!(credit, Money::from_units(-58_035_714));
    assert_eq!(
        Money::whole(1).without_tax(-Percent::whole(100)),
        None,
        "nothing is divided by zero"
    );
}

#[test]
fn an_amount_at_a_rate_is_rounded_half_away_from_zero() {
    let rate = |millionths| Rate::from_units(millionths).unwrap();
    assert_eq!(Money::whole(1_000).at(rate(523_450_000)), Some(Money::whole(523_450)));
    assert_eq!(Money::from_units(1).unwrap().at(rate(500_000)), Money::from_units(1));
    assert_eq!(Money::from_units(-1).unwrap().at(rate(500_000)), Money::from_units(-1));
    let largest = Money::from_units(Tiyn::LIMIT).unwrap();
    assert_eq!(largest.at(Rate::whole(2)), None, "what cannot be counted is no amount");
}
