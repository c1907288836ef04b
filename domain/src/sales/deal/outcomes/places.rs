//! Along a pipeline of the workspace's own.

use super::*;

/// In a pipeline, at the stage of that number.
fn place(pipeline: u128, stage: u128) -> Place {
    Place {
        pipeline_id: crate::id::PipelineId::new(uuid::Uuid::from_u128(pipeline)),
        pipeline_name: "Опт".into(),
        stage_id: crate::id::PipelineStageId::new(uuid::Uuid::from_u128(stage)),
        stage_name: "Образец".into(),
        probability: None,
    }
}

fn stand(to: Stage, place: Option<Place>) -> DealCommand {
    DealCommand::Stand(Stand { to, place })
}

fn stood(from: Stage, to: Stage, pipeline: Option<Place>) -> DealEvent {
    DealEvent::StageChanged { from, to, pipeline }
}

#[test]
fn a_deal_stands_where_a_pipeline_says() {
    let proposal = || stood(Stage::Lead, Stage::Proposal, Some(place(1, 1)));
    let there = || vec![open(), proposal()];
    let when = |before: Vec<DealEvent>, command| given::<Deal>(before).when(command);
    when(vec![], stand(Stage::Lead, None)).then_rejected(DealRejection::Missing);
    when(vec![open()], stand(Stage::Proposal, Some(place(1, 1)))).then([proposal()]);
    when(there(), stand(Stage::Proposal, Some(place(1, 1)))).then([]);
    // Another stage of the same kind, another pipeline, and none.
    for to in [Some(place(1, 2)), Some(place(2, 1)), None] {
        let moved = stood(Stage::Proposal, Stage::Proposal, to.clone());
        when(there(), stand(Stage::Proposal, to)).then([moved]);
    }
    when(vec![open()], stand(Stage::Lead, None)).then([]);
    when(vec![at(Stage::Lost)], stand(Stage::Lead, Some(place(1, 1)))).then([stood(
        Stage::Lost,
        Stage::Lead,
        Some(place(1, 1)),
    )]);
    when(vec![at(Stage::Won)], stand(Stage::Lead, None)).then_rejected(DealRejection::AlreadyWon);
    for to in [Stage::Won, Stage::Lost] {
        when(vec![open()], stand(to, None)).then_rejected(invalid("stage", Rule::NotAllowed));
    }
    // Whoever looked up nothing does not know where in the pipeline that is.
    for to in [Stage::Proposal, Stage::Closing] {
        when(there(), DealCommand::Move { to }).then_rejected(DealRejection::ChangedMeanwhile);
    }
    when(there(), loss("price")).then([lost(Stage::Proposal)]);
    let deal = there().iter().fold(Deal::default(), |deal, event| deal.evolve(event));
    assert_eq!(
        (deal.stage(), deal.place()),
        (Some(Stage::Proposal), Some(&place(1, 1)))
    );
    assert_eq!((Deal::default().stage(), Deal::default().place()), (None, None));
}

#[test]
fn an_update_may_move_along_a_pipeline() {
    let command = |stand| DealCommand::Update {
        change: entitled("ERP"),
        products: None,
        stage: Some(Stage::Closing),
        stand,
        now: Box::default(),
    };
    let there = Stand {
        to: Stage::Proposal,
        place: Some(place(1, 1)),
    };
    given::<Deal>([open()]).when(command(Some(there))).then([
        updated("ERP", None),
        stood(Stage::Lead, Stage::Proposal, Some(place(1, 1))),
    ]);
    given::<Deal>([open()])
        .when(command(None))
        .then([updated("ERP", None), moved(Stage::Closing)]);
}
