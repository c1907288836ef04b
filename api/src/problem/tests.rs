//! What refusals look like to whoever gets them.

use super::*;
use domain::sales::deal::DealRejection;

#[test]
fn the_code_says_what_all_violations_have_in_common() {
    let violation = |field: &str, rule| Violation {
        field: field.to_owned(),
        rule,
    };
    assert_eq!(
        Problem::invalid(&[violation("a", Rule::Required), violation("b", Rule::Required)]).code(),
        Code::RequiredField
    );
    assert_eq!(
        Problem::invalid(&[violation("a", Rule::Required), violation("b", Rule::NotPositive)]).code(),
        Code::ValidationFailed
    );
    assert_eq!(
        Problem::invalid(&[violation("a", Rule::NotAUuid)]).code(),
        Code::InvalidUuid
    );
    assert_eq!(Problem::invalid(&[]).code(), Code::ValidationFailed);
}

#[test]
fn a_rejection_keeps_its_stable_reason_and_speaks_the_callers_language() {
    let problem: Problem = commands::Error::Rejected(DealRejection::AlreadyLost).into();
    let russian = problem.envelope(Language::Ru);
    assert_eq!(russian["error"]["details"]["reason"], "deal.already_lost");
    assert_ne!(
        russian["error"]["message"],
        problem.envelope(Language::En)["error"]["message"]
    );
}

#[test]
fn fields_and_rules_stand_side_by_side() {
    let told =
        Problem::invalid_field("products[0].quantity", Rule::OutOfRange { min: 0, max: 100 }).envelope(Language::En);
    assert_eq!(
        told["error"]["details"]["rules"]["products[0].quantity"],
        "out_of_range"
    );
    let message = told["error"]["details"]["fields"]["products[0].quantity"]
        .as_str()
        .unwrap();
    assert!(message.contains('0') && message.contains("100"), "{message}");
}

#[test]
fn a_missing_right_is_named() {
    let told = Problem::forbidden(Permission::DealsCreate).envelope(Language::Kk);
    assert_eq!(
        (
            told["error"]["code"].as_str(),
            told["error"]["details"]["permission"].as_str()
        ),
        (Some("AUTH_FORBIDDEN"), Some("DEALS_CREATE"))
    );
}
