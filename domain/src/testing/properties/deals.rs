//! The same of deals, what is done about them, pipelines, and fields of the workspace's own.

use super::{Promises, any_commands, nothing};
use crate::{
    Money, Patch,
    office::{
        custom_field::{self, CustomField, CustomFieldCommand, Resource},
        requirement::{Require, Requirement},
    },
    sales::{
        activity::{self, Activity, ActivityCommand},
        deal::{self, Deal, DealCommand, Draft, Loss, Stage, Win},
        pipeline::{self, Pipeline, PipelineCommand},
    },
};
use uuid::Uuid;

#[test]
fn deal() {
    use DealCommand as D;
    let details = |title: &str| deal::Details {
        title: title.into(),
        customer_id: Some(Default::default()),
        value: Some(Money::whole(15)),
        ..Default::default()
    };
    let create = |title| {
        D::Create(Box::new(Draft {
            details: details(title),
            ..Default::default()
        }))
    };
    let titled = |title: &str| {
        Box::new(deal::Change {
            title: Patch::Set(title.into()),
            ..Default::default()
        })
    };
    let lost = |reason: &str| {
        D::Lose(Loss {
            reason: reason.into(),
            ..Default::default()
        })
    };
    let stand = |to, stage| {
        D::Stand(deal::Stand {
            to,
            place: Some(deal::Place {
                pipeline_id: Default::default(),
                pipeline_name: "Опт".into(),
                stage_id: Uuid::from_u128(stage).into(),
                stage_name: "Образец".into(),
                probability: None,
            }),
        })
    };
    let quote = |n| {
        D::Quote(Box::new(deal::Offer {
            id: Uuid::from_u128(n).into(),
            ..Default::default()
        }))
    };
    let accept = |n| {
        D::AcceptQuote(deal::Acceptance {
            quote: Uuid::from_u128(n).into(),
            by: None,
            today: Default::default(),
            now: Box::default(),
        })
    };
    let attach = |name: &str| D::Attach {
        id: Default::default(),
        document: Box::new(deal::Document {
            name: name.into(),
            url: "https://storage.prometric.kz/offer.pdf".into(),
            ..Default::default()
        }),
    };
    let commands = [
        create("ERP"),
        create(" "),
        D::Update {
            change: titled("CRM"),
            products: None,
            stage: None,
            stand: None,
            now: Box::default(),
        },
        D::Update {
            change: titled("ERP"),
            products: Some(vec![]),
            stage: Some(Stage::Closing),
            stand: None,
            now: Box::default(),
        },
        D::Move { to: Stage::Proposal },
        stand(Stage::Proposal, 1),
        stand(Stage::Proposal, 2),
        stand(Stage::Won, 1),
        D::Stand(deal::Stand {
            to: Stage::Lead,
            place: None,
        }),
        D::Move { to: Stage::Won },
        D::Move { to: Stage::Lost },
        D::Win(Win::default()),
        D::Win(Win {
            final_amount: Some(Money::whole(20)),
            ..Default::default()
        }),
        lost("price"),
        lost(""),
        quote(1),
        quote(2),
        D::SendQuote(Uuid::from_u128(1).into()),
        accept(1),
        accept(2),
        D::DeclineQuote {
            quote: Uuid::from_u128(2).into(),
            reason: None,
        },
        attach("Offer.pdf"),
        attach(""),
        D::Remove {
            document: Default::default(),
        },
    ];
    let names_its_effect = |command: &D| !matches!(command, D::Create(_) | D::Remove { .. });
    any_commands::<Deal>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn activity() {
    use ActivityCommand as C;
    let record = |subject: &str| {
        C::Record(Box::new(activity::Draft {
            details: activity::Details {
                subject: subject.into(),
                notes: Some("Discussed pricing options".into()),
                ..Default::default()
            },
            ..Default::default()
        }))
    };
    let about = |subject: &str| {
        C::Update(Box::new(activity::Change {
            subject: Patch::Set(subject.into()),
            ..Default::default()
        }))
    };
    let commands = [
        record("Follow-up call"),
        record(" "),
        about("Offer"),
        about(" "),
        C::Remove,
    ];
    let names_its_effect = |command: &C| !matches!(command, C::Record(_));
    any_commands::<Activity>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn pipeline() {
    use PipelineCommand as C;
    let stages = |name: &str| {
        vec![pipeline::PipelineStage {
            name: name.into(),
            ..Default::default()
        }]
    };
    let create = |name: &str| {
        C::Create(Box::new(pipeline::Details {
            name: name.into(),
            stages: stages("Заявка"),
        }))
    };
    let staged = |name: &str| {
        C::Update(Box::new(pipeline::Change {
            stages: Patch::Set(stages(name)),
            ..Default::default()
        }))
    };
    let commands = [create("Опт"), create(""), staged("Договор"), staged(" "), C::Archive];
    let names_its_effect = |command: &C| !matches!(command, C::Create(_));
    any_commands::<Pipeline>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn custom_field() {
    use CustomFieldCommand as C;
    let create = |key: &str| {
        C::Create(Box::new(custom_field::Details {
            key: key.into(),
            label: "Класс".into(),
            ..Default::default()
        }))
    };
    let labelled = |label: &str| {
        C::Update(Box::new(custom_field::Change {
            label: Patch::Set(label.into()),
            ..Default::default()
        }))
    };
    let commands = [
        create("class"),
        create(""),
        labelled("Категория"),
        labelled(" "),
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_));
    any_commands::<CustomField>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn requirement() {
    let require = |key: &str, required| Require {
        resource: Resource::Deals,
        key: key.into(),
        required,
    };
    let commands = [require("size", true), require("class", true), require("size", false)];
    any_commands::<Requirement>(
        &commands,
        &Promises {
            names_its_effect: |_| true,
            invariant: nothing,
        },
    );
}
