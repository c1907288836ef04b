//! Pipelines of a workspace's own: their stages are the open stages under other names, and a deal stands in one of them.

use super::{deal, delete, shown};
use domain::Role;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};

/// Wholesale: a request, two ways of proposing, a contract.
struct Wholesale {
    id: String,
    stages: Vec<Value>,
}

impl Wholesale {
    async fn open(owner: &Client) -> Self {
        let stages = json!([
            {"name": "Заявка", "stage": "LEAD", "probability": 5},
            {"name": "Образец", "stage": "PROPOSAL"},
            {"name": "Цена", "stage": "PROPOSAL", "probability": 60},
            {"name": "Договор", "stage": "CLOSING"},
        ]);
        let pipeline = id(&owner
            .post("/pipelines", json!({"name": "Опт", "stages": stages}))
            .await
            .expect(201));
        let shown = owner.get(&format!("/pipelines/{pipeline}")).await.expect(200);
        Self {
            id: pipeline,
            stages: shown["stages"].as_array().unwrap().clone(),
        }
    }

    fn stage(&self, nth: usize) -> &str {
        self.stages[nth]["id"].as_str().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_goes_along_a_pipeline_of_the_workspaces_own() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let wholesale = Wholesale::open(&owner).await;
    let deal = deal(
        &owner,
        json!({"title": "ERP", "value": 100, "pipelineId": wholesale.id}),
    )
    .await;
    let (path, to) = (format!("/deals/{deal}"), format!("/deals/{deal}/stage"));
    let stands = async || {
        let seen = shown(&owner, &deal).await;
        let (pipeline, probability) = (&seen["pipeline"], &seen["effectiveProbability"]);
        json!([pipeline["name"], pipeline["stageName"], seen["stage"], probability])
    };
    assert_eq!(stands().await, json!(["Опт", "Заявка", "LEAD", 5]));
    // By what it is: the first of that kind.
    owner.post(&to, json!({"stage": "PROPOSAL"})).await.expect(200);
    assert_eq!(stands().await, json!(["Опт", "Образец", "PROPOSAL", 50]));
    owner
        .post(&to, json!({"pipelineStageId": wholesale.stage(2)}))
        .await
        .expect(200);
    assert_eq!(stands().await, json!(["Опт", "Цена", "PROPOSAL", 60]));
    // Where it is already it stays.
    let version = shown(&owner, &deal).await["version"].clone();
    owner.post(&to, json!({"stage": "PROPOSAL"})).await.expect(200);
    assert_eq!(shown(&owner, &deal).await["version"], version);
    let missing = owner.post(&to, json!({"stage": "NEGOTIATION"})).await;
    assert_eq!(
        missing.refused(400, "VALIDATION_FAILED")["rules"]["stage"],
        "not_allowed"
    );
    let contradiction = json!({"stage": "LEAD", "pipelineStageId": wholesale.stage(3)});
    owner.post(&to, contradiction).await.refused(400, "VALIDATION_FAILED");
    owner.post(&to, json!({})).await.refused(400, "REQUIRED_FIELD");
    owner
        .put(&path, json!({"pipelineStageId": wholesale.stage(3), "title": "CRM"}))
        .await
        .expect(200);
    assert_eq!(stands().await, json!(["Опт", "Договор", "CLOSING", 90]));
    let timeline = shown(&owner, &deal).await["timeline"].clone();
    let stays: Vec<&Value> = timeline
        .as_array()
        .unwrap()
        .iter()
        .map(|stay| &stay["pipelineStageId"])
        .collect();
    let ids: Vec<&str> = [0, 1, 2, 3].map(|nth| wholesale.stage(nth)).into();
    assert_eq!(json!(stays), json!(ids));
    // Renamed, it is shown under its new name.
    let mut stages = wholesale.stages.clone();
    stages[3]["name"] = json!("Подписание");
    let pipeline = format!("/pipelines/{}", wholesale.id);
    owner.put(&pipeline, json!({"stages": stages})).await.expect(200);
    assert_eq!(stands().await, json!(["Опт", "Подписание", "CLOSING", 90]));
    let listed = owner
        .get(&format!("/deals?pipelineId={}", wholesale.id))
        .await
        .expect(200);
    assert_eq!(listed["total"], json!(1));
    let listed = owner
        .get(&format!("/deals?pipelineStageId={}", wholesale.stage(0)))
        .await
        .expect(200);
    assert_eq!(listed["total"], json!(0));
    let metrics = owner
        .get(&format!("/deals/metrics?pipelineId={}", wholesale.id))
        .await
        .expect(200);
    assert_eq!(
        (&metrics["total"], &metrics["currencies"][0]["weightedValue"]),
        (&json!(1), &json!(90))
    );
    // Lost and opened again where somebody says; then out of the pipeline.
    owner
        .post(&format!("{path}/lose"), json!({"lostReason": "price"}))
        .await
        .expect(200);
    owner
        .put(&path, json!({"pipelineId": null}))
        .await
        .refused(409, "INVALID_TRANSITION");
    owner.post(&to, json!({"stage": "LEAD"})).await.expect(200);
    assert_eq!(stands().await, json!(["Опт", "Заявка", "LEAD", 5]));
    owner.put(&path, json!({"pipelineId": null})).await.expect(200);
    assert_eq!(stands().await, json!([null, null, "LEAD", 10]));
    owner.post(&to, json!({"stage": "NEGOTIATION"})).await.expect(200);
    assert_eq!(stands().await, json!([null, null, "NEGOTIATION", 75]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_pipeline_is_entered_no_more() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let wholesale = Wholesale::open(&owner).await;
    let inside = deal(
        &owner,
        json!({"title": "ERP", "pipelineId": wholesale.id, "stage": "CLOSING"}),
    )
    .await;
    assert_eq!(shown(&owner, &inside).await["pipeline"]["stageName"], "Договор");
    let outside = deal(&owner, json!({"title": "CRM"})).await;
    assert_eq!(shown(&owner, &outside).await["pipeline"], Value::Null);
    let path = format!("/pipelines/{}", wholesale.id);
    delete(&owner, &path).await.expect(200);
    delete(&owner, &path).await.expect(200);
    let refused = owner
        .put(&path, json!({"name": "Розница"}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "pipeline.archived");
    assert_eq!(owner.items("/pipelines?archived=false").await.len(), 0);
    let enter = json!({"pipelineId": wholesale.id});
    let refused = owner
        .put(&format!("/deals/{outside}"), enter.clone())
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(refused["rules"]["pipelineId"], "unknown");
    owner
        .post("/deals", json!({"title": "a", "pipelineId": wholesale.id}))
        .await
        .refused(404, "NOT_FOUND");
    // Those that are there go on, also many at once.
    let many = json!({"ids": [inside, outside], "stage": "PROPOSAL"});
    let told = owner.post("/deals/bulk/stage", many).await.expect(200);
    assert_eq!(told["succeeded"], json!(2), "{told}");
    assert_eq!(shown(&owner, &inside).await["pipeline"]["stageName"], "Образец");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_set_up_by_whoever_runs_the_workspace() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let manager = server.member(&owner, Role::Manager).await.inside();
    let wrong = json!({"name": "Опт", "stages": [{"name": "Победа", "stage": "WON"}]});
    let refused = owner.post("/pipelines", wrong).await.refused(400, "VALIDATION_FAILED");
    assert_eq!(refused["rules"]["stages[0].stage"], "not_allowed");
    owner
        .post("/pipelines", json!({"name": "Опт"}))
        .await
        .refused(400, "REQUIRED_FIELD");
    let wholesale = Wholesale::open(&owner).await;
    assert_eq!(manager.items("/pipelines").await.len(), 1);
    let path = format!("/pipelines/{}", wholesale.id);
    for refused in [
        manager.post("/pipelines", json!({"name": "a"})).await,
        manager.put(&path, json!({"name": "a"})).await,
        delete(&manager, &path).await,
    ] {
        assert_eq!(
            refused.refused(403, "AUTH_FORBIDDEN")["permission"],
            "WORKSPACES_UPDATE"
        );
    }
    let history = owner.items(&format!("{path}/history")).await;
    assert_eq!(history[0]["type"], "pipeline.created");
}
