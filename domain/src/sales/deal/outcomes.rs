//! Every outcome of every command of a deal, in order of precedence: what is refused before what.

mod documents;
mod places;
mod quotes;

use super::*;
use crate::{
    Choice, Money, Percent,
    fixed::Rate,
    testing::{given, sample},
};
use chrono::NaiveDate;

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
