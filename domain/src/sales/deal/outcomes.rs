//! Every outcome of every command of a deal, in order of precedence: what is refused before what.

use super::*;
use crate::{
    Percent,
    testing::{given, sample},
};

/// With a customer and two lines, 20 856 000 together.
fn open() -> DealEvent {
    sample("deal.created.v1")
}

fn but(change: impl FnOnce(&mut Stage, &mut Details, &mut Vec<Line>)) -> DealEvent {
    let DealEvent::Created {
        deal_number,
        mut stage,
        pipeline,
        mut details,
        mut products,
    } = open()
    else {
        panic!("another event")
    };
    change(&mut stage, &mut details, &mut products);
    DealEvent::Created {
        deal_number,
        stage,
        pipeline,
        details,
        products,
    }
}

fn at(stage: Stage) -> DealEvent {
    but(|of, _, _| *of = stage)
}

fn entitled(title: &str) -> Box<Change> {
    Box::new(Change {
        title: crate::Patch::Set(title.into()),
        ..Change::default()
    })
}

fn update(title: &str, products: Option<Vec<LineDraft>>, stage: Option<Stage>) -> DealCommand {
    DealCommand::Update {
        change: entitled(title),
        products,
        stage,
        stand: None,
        now: Box::default(),
    }
}

fn updated(title: &str, products: Option<Vec<Line>>) -> DealEvent {
    DealEvent::Updated {
        change: entitled(title),
        products,
    }
}

fn moved(to: Stage) -> DealEvent {
    DealEvent::StageChanged {
        from: Stage::Lead,
        to,
        pipeline: None,
    }
}

fn invalid(field: &str, rule: Rule) -> DealRejection {
    Violations::one(field, rule).into()
}

fn loss(reason: &str) -> DealCommand {
    DealCommand::Lose(Loss {
        reason: reason.into(),
        competitor: Some("1C".into()),
        notes: Some("later".into()),
    })
}

fn lost(from: Stage) -> DealEvent {
    DealEvent::Lost {
        from,
        reason: "price".into(),
        competitor: Some("1C".into()),
        notes: Some("later".into()),
    }
}

fn final_amount(amount: i32) -> DealCommand {
    DealCommand::Win(Win {
        final_amount: Some(Money::whole(amount)),
        ..Win::default()
    })
}

/// The one event of a deal that is won by the command.
fn won(before: DealEvent, command: &DealCommand) -> Won {
    let decided = Deal::default().evolve(&before).decide(command);
    match decided.as_deref() {
        Ok([DealEvent::Won(won)]) => won.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn create() {
    let DealEvent::Created { details, .. } = open() else {
        panic!("another event")
    };
    let draft = |details: &Details, stage| {
        DealCommand::Create(Box::new(Draft {
            details: details.clone(),
            stage,
            place: None,
            products: vec![],
        }))
    };
    let created = DealEvent::Created {
        deal_number: Number::pending(),
        stage: Stage::Proposal,
        pipeline: None,
        details: details.clone(),
        products: vec![],
    };
    given::<Deal>([]).when(draft(&details, Stage::Proposal)).then([created]);
    for stage in [Stage::Won, Stage::Lost] {
        given::<Deal>([])
            .when(draft(&details, stage))
            .then_rejected(invalid("stage", Rule::NotAllowed));
    }
    let unlikely = Details {
        probability: Some(Percent::whole(101)),
        ..*details.clone()
    };
    given::<Deal>([])
        .when(draft(&unlikely, Stage::Lead))
        .then_rejected(invalid("probability", Rule::OutOfRange { min: 0, max: 100 }));
    given::<Deal>([open()])
        .when(draft(&details, Stage::Lead))
        .then_rejected(DealRejection::AlreadyCreated);
}

#[test]
fn what_is_not_there_can_only_be_created() {
    for command in [
        update("ERP", None, None),
        DealCommand::Move { to: Stage::Closing },
        DealCommand::Win(Win::default()),
        loss("price"),
        attach(1),
        remove(1),
    ] {
        given::<Deal>([]).when(command).then_rejected(DealRejection::Missing);
    }
}

#[test]
fn update_of_an_open_deal() {
    let when = |command| given::<Deal>([open()]).when(command);
    when(update("ERP", None, None)).then([updated("ERP", None)]);
    when(update("Lost", None, None)).then([]);
    when(update("Lost", Some(vec![]), None)).then([updated("Lost", Some(vec![]))]);
    when(update("ERP", None, Some(Stage::Closing))).then([updated("ERP", None), moved(Stage::Closing)]);
    when(update("Lost", None, Some(Stage::Closing))).then([moved(Stage::Closing)]);
    when(update("ERP", None, Some(Stage::Lead))).then([updated("ERP", None)]);
    when(update(" ", None, Some(Stage::Lost))).then_rejected(invalid("title", Rule::Required));
    when(update("ERP", None, Some(Stage::Lost))).then_rejected(invalid("lostReason", Rule::Required));
    let without_lines = but(|_, _, products| products.clear());
    given::<Deal>([without_lines])
        .when(update("Lost", Some(vec![]), None))
        .then([]);
    given::<Deal>([open(), updated("ERP", Some(vec![]))])
        .when(update("ERP", Some(vec![]), None))
        .then([]);
    given::<Deal>([open(), updated("ERP", None)])
        .when(update("Lost", Some(vec![]), None))
        .then([updated("Lost", Some(vec![]))]);
}

/// What an update names decides what it is won with.
#[test]
fn an_update_may_win() {
    let emptied = update("ERP", Some(vec![]), Some(Stage::Won));
    given::<Deal>([open()])
        .when(emptied.clone())
        .then_rejected(DealRejection::NothingSold);
    let valued = but(|_, details, _| details.value = Some(Money::whole(15)));
    let decided = Deal::default().evolve(&valued).decide(&emptied).unwrap();
    let [DealEvent::Updated { .. }, DealEvent::Won(won)] = decided.as_slice() else {
        panic!("{decided:?}")
    };
    assert_eq!((won.title.as_str(), won.amount), ("ERP", Money::whole(15)));
}

#[test]
fn update_of_a_won_deal() {
    let when = |command| given::<Deal>([at(Stage::Won)]).when(command);
    when(update("ERP", None, None)).then_rejected(DealRejection::AlreadyWon);
    when(update("Lost", Some(vec![]), None)).then_rejected(DealRejection::AlreadyWon);
    when(update("Lost", None, None)).then([]);
    when(update("Lost", None, Some(Stage::Won))).then([]);
    when(update("Lost", None, Some(Stage::Lead))).then_rejected(DealRejection::AlreadyWon);
    given::<Deal>([at(Stage::Lost)])
        .when(update("ERP", None, None))
        .then([updated("ERP", None)]);
}

#[test]
fn every_step_of_the_life_cycle() {
    let open_stages = Stage::ALL.iter().copied().filter(|stage| stage.is_open());
    assert_eq!(open_stages.clone().count(), 5);
    for from in open_stages.chain([Stage::Lost]) {
        for to in Stage::ALL.iter().copied().filter(|to| to.is_open()) {
            let expected = (from != to).then_some(DealEvent::StageChanged {
                from,
                to,
                pipeline: None,
            });
            given::<Deal>([at(from)]).when(DealCommand::Move { to }).then(expected);
        }
    }
    let when = |from, to| given::<Deal>([at(from)]).when(DealCommand::Move { to });
    when(Stage::Won, Stage::Won).then([]);
    when(Stage::Lost, Stage::Lost).then([]);
    when(Stage::Won, Stage::Lead).then_rejected(DealRejection::AlreadyWon);
    when(Stage::Won, Stage::Lost).then_rejected(DealRejection::AlreadyWon);
    when(Stage::Lost, Stage::Won).then_rejected(DealRejection::AlreadyLost);
    given::<Deal>([open(), moved(Stage::Closing)])
        .when(DealCommand::Move { to: Stage::Closing })
        .then([]);
}

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

fn document_id(n: u128) -> DocumentId {
    DocumentId::new(uuid::Uuid::from_u128(n))
}

fn attach(n: u128) -> DealCommand {
    attach_at(n, "https://storage.prometric.kz/deals/proposal.pdf")
}

fn attach_at(n: u128, url: &str) -> DealCommand {
    DealCommand::Attach {
        id: document_id(n),
        document: Box::new(Document {
            name: "Proposal_v2.pdf".into(),
            kind: Some("proposal".into()),
            url: url.into(),
        }),
    }
}

fn remove(n: u128) -> DealCommand {
    DealCommand::Remove {
        document: document_id(n),
    }
}

fn attached(n: u128) -> DealEvent {
    let DealCommand::Attach { id, document } = attach(n) else {
        panic!("another command")
    };
    DealEvent::DocumentAttached {
        document_id: id,
        document,
    }
}

fn removed(n: u128) -> DealEvent {
    DealEvent::DocumentRemoved {
        document_id: document_id(n),
    }
}

#[test]
fn documents_come_and_go_whatever_the_stage() {
    for stage in [Stage::Lead, Stage::Won, Stage::Lost] {
        given::<Deal>([at(stage)]).when(attach(1)).then([attached(1)]);
        given::<Deal>([at(stage), attached(1)])
            .when(remove(1))
            .then([removed(1)]);
    }
    given::<Deal>([open(), attached(1)]).when(attach(1)).then([]);
    for (url, rule) in [
        (" ", Rule::Required),
        ("proposal.pdf", Rule::NotAllowed),
        ("https://", Rule::NotAllowed),
        ("https://a b", Rule::NotAllowed),
    ] {
        given::<Deal>([open()])
            .when(attach_at(1, url))
            .then_rejected(invalid("url", rule));
    }
    let full = (1..=100).map(attached);
    given::<Deal>([open()].into_iter().chain(full))
        .when(attach(101))
        .then_rejected(invalid("documents", Rule::TooMany { max: 100 }));
    for before in [vec![open()], vec![open(), attached(1), removed(1)]] {
        given::<Deal>(before)
            .when(remove(1))
            .then_rejected(DealRejection::NoSuchDocument);
    }
}

#[test]
fn a_stage_has_its_probability() {
    let percents = Stage::ALL.iter().map(|stage| stage.probability());
    assert!(percents.eq([10, 25, 50, 75, 90, 100, 0].map(Percent::whole)));
}

#[test]
fn lose() {
    given::<Deal>([at(Stage::Closing)])
        .when(loss("price"))
        .then([lost(Stage::Closing)]);
    given::<Deal>([open()])
        .when(loss(" "))
        .then_rejected(invalid("lostReason", Rule::Required));
    given::<Deal>([open(), lost(Stage::Lead)]).when(loss("")).then([]);
    given::<Deal>([at(Stage::Won)])
        .when(loss("price"))
        .then_rejected(DealRejection::AlreadyWon);
}

#[test]
fn win() {
    let by = DealCommand::Win(Win {
        final_amount: None,
        actual_close_date: NaiveDate::from_ymd_opt(2026, 11, 20),
        notes: Some("signed".into()),
        ..Win::default()
    });
    let DealEvent::Created {
        deal_number,
        details,
        products,
        ..
    } = open()
    else {
        panic!("another event")
    };
    let sold = won(at(Stage::Closing), &by);
    assert_eq!((sold.amount, &sold.items), (Money::whole(20_856_000), &products));
    assert_eq!((sold.from, sold.deal_number), (Stage::Closing, deal_number));
    assert_eq!(
        (Some(sold.customer_id), sold.customer_name, sold.title),
        (details.customer_id, details.customer_name, details.title)
    );
    assert_eq!(
        (sold.assigned_to, sold.currency),
        (details.assigned_to, details.currency)
    );
    assert_eq!(
        (
            sold.notes.as_deref(),
            sold.actual_close_date.map(|date| date.to_string())
        ),
        (Some("signed"), Some("2026-11-20".to_owned()))
    );
}

/// Lines win over the value, and what was agreed over both.
#[test]
fn what_a_deal_is_won_for() {
    let plain = DealCommand::Win(Win::default());
    let valued = || but(|_, details, _| details.value = Some(Money::whole(15)));
    let only_valued = || {
        but(|_, details, products| {
            details.value = Some(Money::whole(15));
            products.clear();
        })
    };
    for (before, command, amount, last) in [
        (valued(), &plain, 20_856_000, "Cabinet"),
        (valued(), &final_amount(21_000_000), 21_000_000, "Adjustment"),
        (valued(), &final_amount(20_856_000), 20_856_000, "Cabinet"),
        (only_valued(), &plain, 15, "Lost"),
        (only_valued(), &final_amount(9), 9, "Lost"),
    ] {
        let won = won(before, command);
        assert_eq!(won.amount, Money::whole(amount));
        assert_eq!(
            line::sum(&won.items),
            Some(won.amount),
            "a total is the sum of its lines"
        );
        assert_eq!(won.items.last().map(|line| line.product_name.as_str()), Some(last));
    }
}

#[test]
fn what_keeps_a_deal_from_being_won_in_this_order() {
    let nobodys = |stage| {
        but(|of, details, products| {
            *of = stage;
            details.customer_id = None;
            products.clear();
        })
    };
    given::<Deal>([nobodys(Stage::Won)]).when(final_amount(0)).then([]);
    given::<Deal>([nobodys(Stage::Lost)])
        .when(final_amount(0))
        .then_rejected(DealRejection::AlreadyLost);
    given::<Deal>([nobodys(Stage::Lead)])
        .when(final_amount(-1))
        .then_rejected(invalid("finalAmount", Rule::Negative));
    given::<Deal>([nobodys(Stage::Lead)])
        .when(DealCommand::Win(Win::default()))
        .then_rejected(DealRejection::NoCustomer);
    let elsewhere = |now| {
        DealCommand::Win(Win {
            now: Box::new(now),
            ..Win::default()
        })
    };
    let another = Circumstances {
        customer: Some(Buyer::default()),
        ..Circumstances::default()
    };
    let dollars = Circumstances {
        rate: Some(("USD".into(), Rate::whole(520))),
        ..Circumstances::default()
    };
    for now in [another, dollars] {
        given::<Deal>([open()])
            .when(elsewhere(now))
            .then_rejected(DealRejection::ChangedMeanwhile);
    }
    let worthless = but(|_, details, products| {
        details.value = Some(Money::ZERO);
        products.clear();
    });
    given::<Deal>([worthless])
        .when(DealCommand::Win(Win::default()))
        .then_rejected(DealRejection::NothingSold);
}
