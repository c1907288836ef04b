//! Every check of a value, at its edges.

use super::*;

#[test]
fn all_offending_fields_are_named_at_once() {
    let mut check = Check::default();
    check.text("title", "  ", 10);
    check.text("notes", "a long story", 5);
    check.email("email", "a@b");
    let found = check.done().unwrap_err();
    assert_eq!(
        found.to_string(),
        "title: required, notes: too_long, email: not_an_email"
    );
}

#[test]
fn the_documents_examples_break_the_check_digit() {
    // reference/erp-and-kazakhstan §0.1: the right digits would be 3 and 0
    assert!(!check_digit_holds("123456789012"));
    assert!(check_digit_holds("123456789013"));
    assert!(!check_digit_holds("901231234567"));
    assert!(check_digit_holds("901231234560"));
}

/// What the checks of one value find, in the words of `Violations`.
fn found(ask: impl FnOnce(&mut Check)) -> String {
    let mut check = Check::default();
    ask(&mut check);
    check.done().err().map(|found| found.to_string()).unwrap_or_default()
}

#[test]
fn texts_at_their_edges() {
    for (value, max, expected) in [
        ("abc", 3, ""),
        ("abcd", 3, "f: too_long"),
        ("\u{44f}\u{44f}\u{44f}", 3, ""),
        ("", 3, "f: required"),
        ("  ", 3, "f: required"),
        ("a\u{0}b", 3, "f: not_allowed"),
        ("a\nb", LINES_FROM - 1, "f: not_allowed"),
        ("a\nb\r\n\tc", LINES_FROM, ""),
        ("a\u{7}b", LINES_FROM, "f: not_allowed"),
        ("a\u{7}b", 2, "f: too_long, f: not_allowed"),
    ] {
        assert_eq!(found(|check| check.text("f", value, max)), expected, "{value:?}");
        let optional = value.to_owned();
        let expected = expected.replace("f: required", "");
        assert_eq!(
            found(|check| check.optional_text("f", Some(&optional), max)),
            expected,
            "{value:?}"
        );
    }
    assert_eq!(found(|check| check.optional_text("f", None, 0)), "");
}

#[test]
fn lists_at_their_edges() {
    let words = |count: usize| vec!["a".to_owned(); count];
    assert_eq!(found(|check| check.tags("f", &words(ITEMS_MAX))), "");
    assert_eq!(found(|check| check.tags("f", &words(ITEMS_MAX + 1))), "f: too_many");
    let bad = ["a".to_owned(), " ".to_owned(), "b".repeat(101)];
    assert_eq!(found(|check| check.tags("f", &bad)), "f[1]: required, f[2]: too_long");
}

#[test]
fn numbers_at_their_edges() {
    let quantity = |units| Quantity::from_units(units).unwrap();
    for (units, expected) in [(1, ""), (0, "f: not_positive"), (-1, "f: not_positive")] {
        assert_eq!(found(|check| check.positive_quantity("f", quantity(units))), expected);
    }
    let money = |units| Money::from_units(units).unwrap();
    for (units, expected) in [(1, ""), (0, ""), (-1, "f: negative")] {
        assert_eq!(found(|check| check.not_negative("f", money(units))), expected);
    }
    let percent = |units| Percent::from_units(units).unwrap();
    for (units, expected) in [
        (0, ""),
        (10_000, ""),
        (10_001, "f: out_of_range"),
        (-1, "f: out_of_range"),
    ] {
        assert_eq!(found(|check| check.percent("f", percent(units))), expected);
    }
    for (year, expected) in [
        (1900, ""),
        (9999, ""),
        (1899, "f: year_out_of_range"),
        (10_000, "f: year_out_of_range"),
    ] {
        let date = NaiveDate::from_ymd_opt(year, 1, 1);
        assert_eq!(found(|check| check.date("f", date)), expected);
    }
    assert_eq!(found(|check| check.date("f", None)), "");
}

#[test]
fn words_of_a_form() {
    for (value, holds) in [
        ("KZT", true),
        ("kzt", false),
        ("KZ", false),
        ("KZTT", false),
        ("K1T", false),
    ] {
        let expected = if holds { "" } else { "f: not_allowed" };
        assert_eq!(found(|check| check.currency("f", value)), expected, "{value}");
    }
    for (value, holds) in [
        ("123456789012", true),
        ("12345678901", false),
        ("1234567890123", false),
        ("12345678901a", false),
    ] {
        let expected = if holds { "" } else { "f: not_twelve_digits" };
        assert_eq!(found(|check| check.twelve_digits("f", value)), expected, "{value}");
    }
}

#[test]
fn addresses_of_mail() {
    let longest = format!("{}@b.kz", "a".repeat(249));
    let longer = format!("a{longest}");
    for (value, holds) in [
        ("owner@company.kz", true),
        ("a@b.c.d", true),
        (
            "\u{43f}\u{43e}\u{447}\u{442}\u{430}@\u{43f}\u{43e}\u{447}\u{442}\u{430}.\u{43a}\u{437}",
            true,
        ),
        (&*longest, true),
        (&*longer, false),
        ("company.kz", false),
        ("@company.kz", false),
        ("owner@", false),
        ("owner@company", false),
        ("owner@company.", false),
        ("owner@.kz", false),
        ("owner@company..kz", false),
        ("a@b@c.kz", false),
        ("own er@company.kz", false),
        ("owner\u{0}@company.kz", false),
        ("<owner@company.kz>", false),
        ("owner@company.kz,x@y.kz", false),
        ("owner;@company.kz", false),
        ("\"owner\"@company.kz", false),
    ] {
        let expected = if holds { "" } else { "f: not_an_email" };
        assert_eq!(found(|check| check.email("f", value)), expected, "{value}");
    }
    assert_eq!(found(|check| check.email("f", " ")), "f: required");
}

/// The code of each rule is the key of its message, the arguments are what the message says.
#[test]
fn every_rule_has_its_code_and_its_arguments() {
    let (min, max) = (-3, 7);
    let known = || vec!["a".to_owned()];
    type Row = (Rule, &'static str, Vec<(&'static str, i64)>);
    let table: Vec<Row> = vec![
        (Rule::Required, "required", vec![]),
        (Rule::TooLong { max: 5 }, "too_long", vec![("max", 5)]),
        (Rule::TooMany { max: 5 }, "too_many", vec![("max", 5)]),
        (Rule::TooDeep { max: 5 }, "too_deep", vec![("max", 5)]),
        (Rule::NotPositive, "not_positive", vec![]),
        (Rule::Negative, "negative", vec![]),
        (
            Rule::OutOfRange { min, max },
            "out_of_range",
            vec![("min", -3), ("max", 7)],
        ),
        (
            Rule::YearOutOfRange { min, max },
            "year_out_of_range",
            vec![("min", -3), ("max", 7)],
        ),
        (Rule::TooLarge, "too_large", vec![]),
        (Rule::TooPrecise, "too_precise", vec![]),
        (Rule::NotAnEmail, "not_an_email", vec![]),
        (Rule::NotTwelveDigits, "not_twelve_digits", vec![]),
        (Rule::CheckDigit, "check_digit", vec![]),
        (Rule::WeakPassword { min: 8 }, "weak_password", vec![("min", 8)]),
        (Rule::NotUnique, "not_unique", vec![]),
        (Rule::OtherCurrency, "other_currency", vec![]),
        (Rule::NotTheSum, "not_the_sum", vec![]),
        (Rule::WrongType, "wrong_type", vec![]),
        (Rule::NotYet, "not_yet", vec![]),
        (Rule::Unknown, "unknown", vec![]),
        (Rule::no_such_field(["a"]), "unknown", vec![]),
        (Rule::NotAllowed, "not_allowed", vec![]),
        (Rule::not_one_of(["a"]), "not_allowed", vec![]),
        (Rule::NotAUuid, "not_a_uuid", vec![]),
    ];
    for (rule, code, args) in table {
        assert_eq!((rule.code(), rule.args()), (code, args));
        let names = matches!(rule, Rule::NoSuchField { .. } | Rule::NotOneOf { .. });
        assert_eq!(rule.known(), if names { known() } else { vec![] });
    }
}

#[test]
fn the_check_digit_of_the_second_round_and_of_no_number() {
    // Weights 1…11 leave 10, so that the second row of weights decides.
    for (number, holds) in [
        ("850411300125", true),
        ("850411300120", false),
        ("12345678901", false),
        ("1234567890133", false),
        ("", false),
        ("12345678901\u{661}", false),
        ("x123456789013", false),
    ] {
        assert_eq!(check_digit_holds(number), holds, "{number}");
    }
    // Whatever the eleven digits, at most one twelfth fits; and the sum of the table's weights says which.
    for eleven in [
        "85041130012",
        "00000000055",
        "99999999999",
        "10000000000",
        "07070707070",
    ] {
        let fits: Vec<u32> = (0..10)
            .filter(|last| check_digit_holds(&format!("{eleven}{last}")))
            .collect();
        let digits: Vec<u32> = eleven.chars().filter_map(|c| c.to_digit(10)).collect();
        let sum = |weights: [u32; 11]| digits.iter().zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11;
        let first = sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let second = sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]);
        let expected = if first == 10 { second } else { first };
        assert_eq!(fits, Vec::from_iter((expected < 10).then_some(expected)), "{eleven}");
    }
}
