//! Every refusal there is, pinned in one place: its code, which clients and the messages of all languages go by, what
//! kind of "no" it is, what its message needs, and its words.

mod catalog;
mod orders;
mod people;

use crate::{
    Kind, Money, Permission, Rejection, Rule, Violation, Violations,
    external::ExternalRejection,
    fact::CATEGORIES,
    finance::{exchange_rate::ExchangeRateRejection, invoice::InvoiceRejection},
    identity::{
        api_key::ApiKeyRejection, organization::OrganizationRejection, person::PersonRejection, user::UserRejection,
        workspace::WorkspaceRejection,
    },
    office::{
        custom_field::CustomFieldRejection, notification::NotificationRejection, requirement::RequirementRejection,
    },
    process::ProcessRejection,
    production::{
        bom::BomRejection,
        production_order::{self, ProductionOrderRejection},
    },
    sales::{
        activity::ActivityRejection,
        customer::{self, CustomerRejection},
        deal::DealRejection,
        interaction::InteractionRejection,
        pipeline::PipelineRejection,
    },
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The refusal says this and nothing else; answers its code.
#[track_caller]
fn says<R: Rejection>(refusal: R, code: &'static str, kind: Kind, message: &str) -> &'static str {
    says_with(refusal, code, kind, message, &[])
}

#[track_caller]
fn says_with<R: Rejection>(
    refusal: R,
    code: &'static str,
    kind: Kind,
    message: &str,
    args: &[(&'static str, &str)],
) -> &'static str {
    let args: Vec<_> = args.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let said = (refusal.code(), refusal.kind(), refusal.to_string(), refusal.args());
    assert_eq!(said, (code, kind, message.to_owned(), args));
    assert!(refusal.violations().is_empty() || code.ends_with(".invalid"), "{code}");
    code
}

/// A malformed command: tells which fields break which rules.
#[track_caller]
fn tells_fields<R: Rejection + From<Violations>>(code: &'static str) -> &'static str {
    let found = Violations::one("title", Rule::Required);
    let title = Violation {
        field: "title".to_owned(),
        rule: Rule::Required,
    };
    assert_eq!(R::from(found.clone()).violations(), [title]);
    says(R::from(found), code, Kind::Invalid, "title: required")
}

fn sales() -> Vec<&'static str> {
    use {ActivityRejection as A, CustomerRejection as C, DealRejection as D, PipelineRejection as P};
    let step = C::Transition {
        from: customer::Status::Churned,
        to: customer::Status::Active,
    };
    let of_step = [("from", "CHURNED"), ("to", "ACTIVE")];
    vec![
        says(C::Missing, "customer.missing", Kind::Missing, "no such customer"),
        says(
            C::AlreadyCreated,
            "customer.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            C::LikelyDuplicate,
            "customer.likely_duplicate",
            Kind::Conflict,
            "likely one that is there already",
        ),
        says_with(
            step,
            "customer.no_such_step",
            Kind::Transition,
            "Churned does not become Active",
            &of_step,
        ),
        says_with(
            C::Merged {
                into: Uuid::from_u128(1).into(),
            },
            "customer.merged",
            Kind::Conflict,
            "merged into another customer",
            &[("into", "00000000-0000-0000-0000-000000000001")],
        ),
        says(
            C::OfAnotherType,
            "customer.of_another_type",
            Kind::Conflict,
            "a company and a person are not one",
        ),
        says(C::Erased, "customer.erased", Kind::Conflict, "one of them was erased"),
        tells_fields::<C>("customer.invalid"),
        says(
            InteractionRejection::Missing,
            "interaction.missing",
            Kind::Missing,
            "no such interaction",
        ),
        says(
            InteractionRejection::AlreadyRecorded,
            "interaction.already_recorded",
            Kind::Exists,
            "already recorded",
        ),
        tells_fields::<InteractionRejection>("interaction.invalid"),
        says(D::Missing, "deal.missing", Kind::Missing, "no such deal"),
        says(
            D::AlreadyCreated,
            "deal.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            D::AlreadyWon,
            "deal.already_won",
            Kind::Transition,
            "a won deal is final",
        ),
        says(
            D::AlreadyLost,
            "deal.already_lost",
            Kind::Transition,
            "lost; reopen it first",
        ),
        says(
            D::NoCustomer,
            "deal.no_customer",
            Kind::Conflict,
            "a deal is won with a customer",
        ),
        says(
            D::NothingSold,
            "deal.nothing_sold",
            Kind::Conflict,
            "a deal is won with a product line or a value",
        ),
        says(
            D::ChangedMeanwhile,
            "deal.changed_meanwhile",
            Kind::Conflict,
            "customer or currency was changed meanwhile",
        ),
        says(
            D::NoSuchDocument,
            "deal.no_such_document",
            Kind::Missing,
            "no such document",
        ),
        says(D::NoSuchQuote, "deal.no_such_quote", Kind::Missing, "no such quote"),
        says(
            D::QuoteReplaced,
            "deal.quote_replaced",
            Kind::Conflict,
            "a newer quote stands in its place",
        ),
        says(
            D::QuoteDeclined,
            "deal.quote_declined",
            Kind::Conflict,
            "the quote was declined",
        ),
        says(
            D::QuoteExpired,
            "deal.quote_expired",
            Kind::Conflict,
            "the quote is no longer good",
        ),
        tells_fields::<D>("deal.invalid"),
        says(A::Missing, "activity.missing", Kind::Missing, "no such activity"),
        says(
            A::AlreadyRecorded,
            "activity.already_recorded",
            Kind::Exists,
            "already recorded",
        ),
        tells_fields::<A>("activity.invalid"),
        says(P::Missing, "pipeline.missing", Kind::Missing, "no such pipeline"),
        says(
            P::AlreadyCreated,
            "pipeline.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            P::Archived,
            "pipeline.archived",
            Kind::Conflict,
            "an archived pipeline is not changed any more",
        ),
        tells_fields::<P>("pipeline.invalid"),
        says(
            CustomFieldRejection::Missing,
            "custom_field.missing",
            Kind::Missing,
            "no such field",
        ),
        says(
            CustomFieldRejection::AlreadyDefined,
            "custom_field.already_defined",
            Kind::Exists,
            "already defined",
        ),
        tells_fields::<CustomFieldRejection>("custom_field.invalid"),
        tells_fields::<RequirementRejection>("requirement.invalid"),
    ]
}

fn finance() -> Vec<&'static str> {
    use InvoiceRejection as I;
    let open = Money::from_units(12_550).unwrap();
    vec![
        says(I::Missing, "invoice.missing", Kind::Missing, "no such invoice"),
        says(
            I::Empty,
            "invoice.empty",
            Kind::Invalid,
            "an invoice has at least one line",
        ),
        says_with(
            I::AboveOpen { open },
            "invoice.above_open",
            Kind::Balance,
            "125.5 is open",
            &[("open", "125.5")],
        ),
        says(
            I::NotSent,
            "invoice.not_sent",
            Kind::Transition,
            "a draft is sent before it is paid",
        ),
        says(
            I::NothingToPay,
            "invoice.nothing_to_pay",
            Kind::Invalid,
            "nothing is to be paid",
        ),
        says(
            I::Closed,
            "invoice.closed",
            Kind::Transition,
            "it is not to be paid any more",
        ),
        tells_fields::<I>("invoice.invalid"),
        tells_fields::<ExchangeRateRejection>("exchange_rate.invalid"),
    ]
}

fn production_and_office() -> Vec<&'static str> {
    use {BomRejection as B, NotificationRejection as N, ProductionOrderRejection as P};
    let deep = P::CannotExplode("bills nested too deep".to_owned());
    vec![
        says(
            B::Cyclic,
            "bom.cyclic",
            Kind::Conflict,
            "a product cannot be made of itself",
        ),
        says_with(
            B::TooLarge { max: 7 },
            "bom.too_large",
            Kind::Conflict,
            "more than 7 parts over all levels, or too many of one",
            &[("max", "7")],
        ),
        tells_fields::<B>("bom.invalid"),
        says(
            P::Missing,
            "production_order.missing",
            Kind::Missing,
            "no such production order",
        ),
        says(
            P::NoBill,
            "production_order.no_bill",
            Kind::Conflict,
            "the product has no bill of materials",
        ),
        says(
            deep,
            "production_order.cannot_explode",
            Kind::Conflict,
            "the bill of materials cannot be exploded: bills nested too deep",
        ),
        says(
            P::NoSuchDate,
            "production_order.no_such_date",
            Kind::Invalid,
            "the date is out of range",
        ),
        says_with(
            P::UnderWay {
                status: production_order::Status::Completed,
            },
            "production_order.under_way",
            Kind::Conflict,
            "it is completed",
            &[("status", "completed")],
        ),
        tells_fields::<P>("production_order.invalid"),
        says(
            N::Missing,
            "notification.missing",
            Kind::Missing,
            "no such notification",
        ),
        says_with(
            ExternalRejection::StandsElsewhere { length: 7 },
            "external.stands_elsewhere",
            Kind::Conflict,
            "the stream has 7 events",
            &[("length", "7")],
        ),
    ]
}

fn processes() -> Vec<&'static str> {
    use ProcessRejection as P;
    let (step, steps) = ("a".to_owned(), "a, b".to_owned());
    vec![
        says(P::Missing, "process.missing", Kind::Missing, "no such process"),
        says(P::Ended, "process.ended", Kind::Transition, "it has come to its end"),
        says(
            P::NotStuck,
            "process.not_stuck",
            Kind::Conflict,
            "no step of it was refused: there is nothing to decide",
        ),
        says_with(
            P::NotRefused { step },
            "process.not_refused",
            Kind::Conflict,
            "the step “a” was not refused, or has been decided on",
            &[("step", "a")],
        ),
        says_with(
            P::SeveralRefused { steps },
            "process.several_refused",
            Kind::Conflict,
            "name one of the steps that were refused: a, b",
            &[("steps", "a, b")],
        ),
        tells_fields::<P>("process.invalid"),
    ]
}

fn identity() -> Vec<&'static str> {
    use {ApiKeyRejection as K, OrganizationRejection as O, UserRejection as U, WorkspaceRejection as W};
    vec![
        says(
            O::AlreadyCreated,
            "organization.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            O::Missing,
            "organization.missing",
            Kind::Missing,
            "no such organization",
        ),
        says(K::Missing, "api_key.missing", Kind::Missing, "no such key"),
        says(
            K::AlreadyCreated,
            "api_key.already_created",
            Kind::Exists,
            "already created",
        ),
        says(K::Revoked, "api_key.revoked", Kind::Transition, "revoked for good"),
        tells_fields::<K>("api_key.invalid"),
        tells_fields::<O>("organization.invalid"),
        says(U::Missing, "user.missing", Kind::Missing, "no such user"),
        says(
            U::AlreadyRegistered,
            "user.already_registered",
            Kind::Exists,
            "already registered",
        ),
        tells_fields::<U>("user.invalid"),
        says(W::Missing, "workspace.missing", Kind::Missing, "no such workspace"),
        says(
            W::AlreadyCreated,
            "workspace.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            W::NoSuchMember,
            "workspace.no_such_member",
            Kind::Missing,
            "no such member",
        ),
        says(W::NoSuchRole, "workspace.no_such_role", Kind::Missing, "no such role"),
        says(
            W::LastOwner,
            "workspace.last_owner",
            Kind::Conflict,
            "there is always an owner",
        ),
        says(
            W::RoleInUse,
            "workspace.role_in_use",
            Kind::Conflict,
            "members have this role",
        ),
        says(
            W::RoleNameTaken,
            "workspace.role_name_taken",
            Kind::Exists,
            "another role is called so",
        ),
        says_with(
            W::NotTheirsToGive {
                permission: Permission::DealsView,
            },
            "workspace.not_theirs_to_give",
            Kind::Forbidden,
            "DEALS_VIEW is not theirs to give or take",
            &[("permission", "DEALS_VIEW")],
        ),
        tells_fields::<W>("workspace.invalid"),
        says(
            PersonRejection::Missing,
            "person.missing",
            Kind::Missing,
            "the nil id is nobody's",
        ),
    ]
}

#[test]
fn every_refusal_has_its_code_its_kind_and_its_words() {
    let pinned = [
        sales(),
        orders::orders(),
        catalog::catalog(),
        finance(),
        production_and_office(),
        processes(),
        identity(),
        people::people(),
    ]
    .concat();
    let there: Vec<_> = CATEGORIES
        .iter()
        .flat_map(|category| category.rejections())
        .copied()
        .collect();
    assert_eq!(there.len(), pinned.len());
    assert_eq!(BTreeSet::from_iter(there), BTreeSet::from_iter(pinned));
}

/// `deal.already_won` is a refusal of a deal.
#[test]
fn a_code_begins_with_the_noun_that_refuses() {
    for category in CATEGORIES {
        for code in category.rejections() {
            assert_eq!(
                code.split_once('.').map(|(noun, _)| noun),
                Some(category.name()),
                "{code}"
            );
        }
    }
}
