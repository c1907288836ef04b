//! What is written of deals beside their fields and stages.

use crate::shape::{self, Shape, fields};
use domain::{
    office::custom_field,
    sales::{activity, pipeline as pipelines},
};
use reqwest::Method;
use serde_json::json;

/// Of a member, an open deal, of something done about it, and of a pipeline.
pub(super) fn shapes(person: &str, deal: &str, activity: &str, pipeline: &str) -> Vec<Shape> {
    let call = json!({"type": "call", "subject": "a", "date": "2025-01-15T14:00:00Z", "duration": 30, "notes": "a", "outcome": "positive",
        "nextStep": "a", "nextStepDate": "2025-01-20", "participants": [person]});
    let to = |method: Method, route: &'static str, id: &str, good: &serde_json::Value, fields| Shape {
        method,
        route,
        path: route.replace("{id}", id),
        good: good.clone(),
        fields,
    };
    let document = json!({"name": "Proposal_v2.pdf", "type": "proposal", "url": "https://storage.prometric.kz/deals/proposal.pdf"});
    let stages = json!({"name": "a", "stages": [{"id": null, "name": "a", "stage": "LEAD", "probability": 10}]});
    vec![
        to(
            Method::POST,
            "/deals/{id}/activities",
            deal,
            &call,
            shape::noun::<activity::Details>(true, "participants[0]:uuid!"),
        ),
        to(
            Method::PUT,
            "/activities/{id}",
            activity,
            &call,
            shape::noun::<activity::Details>(false, "participants[0]:uuid!"),
        ),
        to(
            Method::POST,
            "/pipelines",
            "",
            &stages,
            shape::noun::<pipelines::Details>(true, ""),
        ),
        to(
            Method::PUT,
            "/pipelines/{id}",
            pipeline,
            &stages,
            shape::noun::<pipelines::Details>(false, ""),
        ),
        to(
            Method::POST,
            "/deals/bulk/stage",
            "",
            &json!({"ids": [deal], "stage": "LOST", "lostReason": "a", "competitorWon": "a", "notes": "a"}),
            fields("ids:list! ids[0]:uuid! stage:choice! lostReason:text200! competitorWon:text200 notes:text5000"),
        ),
        to(
            Method::POST,
            "/deals/bulk/assign",
            "",
            &json!({"ids": [deal], "assignedTo": null}),
            fields("ids:list! ids[0]:uuid!"),
        ),
        to(
            Method::POST,
            "/deals/{id}/documents",
            deal,
            &document,
            fields("name:text200! type:text100 url:text900!"),
        ),
    ]
}

/// Of an open deal's offer. Nobody was sent the link that the samples have.
pub(super) fn offers(deal: &str, quote: &str) -> Vec<Shape> {
    let link = |route: &'static str, more: &str| Shape {
        method: Method::POST,
        route,
        path: route.to_owned(),
        good: json!({"token": "YQ", "name": "a", "reason": "a"}),
        fields: fields(&format!("token:text0! {more}")),
    };
    let sent = Shape {
        method: Method::POST,
        route: "/deals/{id}/quotes/{quoteId}/send",
        path: format!("/deals/{deal}/quotes/{quote}/send"),
        good: json!({"language": "kk", "mail": true}),
        fields: fields("language:choice mail:flag"),
    };
    let quote = Shape {
        method: Method::POST,
        route: "/deals/{id}/quotes",
        path: format!("/deals/{deal}/quotes"),
        good: json!({"validUntil": "2999-12-31", "notes": "a"}),
        fields: fields("notes:text5000"),
    };
    vec![
        sent,
        quote,
        link("/quotes/open", ""),
        link("/quotes/pdf", ""),
        link("/quotes/accept", "name:text500"),
        link("/quotes/decline", "reason:text500"),
    ]
}

/// Of a choice of the workspace's own, with the key `size`.
pub(super) fn own_fields(field: &str) -> Vec<Shape> {
    let good = |key: &str| {
        json!({"resource": "customers", "key": key, "type": "choice", "label": "a", "refersTo": null, "choices": ["a"],
            "translations": [{"language": "kk", "label": "a"}]})
    };
    vec![
        Shape {
            method: Method::POST,
            route: "/custom-fields",
            path: "/custom-fields".to_owned(),
            good: good("colour"),
            fields: shape::noun::<custom_field::Details>(true, ""),
        },
        Shape {
            method: Method::PATCH,
            route: "/custom-fields/{id}",
            path: format!("/custom-fields/{field}"),
            good: good("size"),
            fields: shape::noun::<custom_field::Details>(false, ""),
        },
    ]
}
