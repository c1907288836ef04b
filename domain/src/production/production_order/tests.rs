//! The production order's rules, each as given, when, then.

use super::*;
use crate::{production::bom::Operation, testing::given};

fn draft() -> Draft {
    let operations = [("Cutting", 120), ("Welding", 180)];
    let step = |(name, duration): (&str, u32)| Step {
        quantity: Quantity::whole(2),
        operation: Operation {
            name: name.into(),
            duration,
            required_skills: vec![],
            equipment: vec![],
        },
    };
    Draft {
        id: ProductionOrderId::default(),
        order_id: OrderId::default(),
        order_number: "ORD-2026-0001".into(),
        line: 0,
        product_id: ProductId::default(),
        product_name: "Server Cabinet".into(),
        quantity: Quantity::whole(2),
        priority: Priority::Medium,
        due_date: None,
        bom_version: 1,
        explosion: Explosion {
            materials: vec![],
            steps: operations.map(step).to_vec(),
        },
        notes: None,
    }
}

#[test]
fn two_operations_make_two_work_orders_planned_one_after_the_other() {
    let created = draft().as_created();
    assert_eq!(
        created.work_orders.iter().map(|work| work.duration).collect::<Vec<_>>(),
        [240, 360]
    );
    let start: DateTime<Utc> = "2026-01-05T04:00:00Z".parse().unwrap();
    let scheduled = ProductionOrderEvent::Scheduled {
        order_id: OrderId::default(),
        start,
        finish: "2026-01-05T14:00:00Z".parse().unwrap(),
    };
    let events = [ProductionOrderEvent::Created(Box::new(created))];
    given::<ProductionOrder>(events.clone())
        .when(ProductionOrderCommand::Schedule { start })
        .then([scheduled.clone()]);
    given::<ProductionOrder>([events[0].clone(), scheduled])
        .when(ProductionOrderCommand::Schedule { start })
        .then([]);
    given::<ProductionOrder>(events)
        .when(ProductionOrderCommand::Create(Box::new(draft())))
        .then([]);
}

fn created(change: impl FnOnce(&mut Draft)) -> ProductionOrderEvent {
    let mut draft = draft();
    change(&mut draft);
    ProductionOrderEvent::Created(Box::new(draft.as_created()))
}

#[test]
fn create() {
    let create = |draft| ProductionOrderCommand::Create(Box::new(draft));
    given::<ProductionOrder>([])
        .when(create(draft()))
        .then([created(|_| {})]);
    let none = Draft {
        quantity: Quantity::ZERO,
        ..draft()
    };
    let refused = Violations::one("quantity", crate::Rule::NotPositive);
    given::<ProductionOrder>([])
        .when(create(none))
        .then_rejected(refused.into());
}

#[test]
fn schedule() {
    let at = |instant: &str| instant.parse::<DateTime<Utc>>().unwrap();
    let schedule = |start| ProductionOrderCommand::Schedule { start: at(start) };
    let scheduled = |start, finish| ProductionOrderEvent::Scheduled {
        order_id: OrderId::default(),
        start: at(start),
        finish: at(finish),
    };
    let soon = "2026-01-05T04:00:00Z";
    given::<ProductionOrder>([])
        .when(schedule(soon))
        .then_rejected(ProductionOrderRejection::Missing);
    let idle = created(|draft| draft.explosion.steps.clear());
    given::<ProductionOrder>([idle])
        .when(schedule(soon))
        .then([scheduled(soon, soon)]);
    for late in ["9999-12-31T23:00:00Z", "1066-01-01T00:00:00Z"] {
        given::<ProductionOrder>([created(|_| {})])
            .when(schedule(late))
            .then_rejected(ProductionOrderRejection::NoSuchDate);
    }
    let endless = created(|draft| {
        let step = draft.explosion.steps[0].clone();
        draft.explosion.steps = vec![step; 2];
        for step in &mut draft.explosion.steps {
            step.quantity = Quantity::from_units(999_999_999_999).unwrap();
            step.operation.duration = u32::MAX;
        }
    });
    given::<ProductionOrder>([endless])
        .when(schedule(soon))
        .then_rejected(ProductionOrderRejection::NoSuchDate);
    let planned = scheduled(soon, "2026-01-05T14:00:00Z");
    assert_eq!(
        ProductionOrder::default().evolve(&planned),
        ProductionOrder::Unknown,
        "what was not created is not planned"
    );
}

#[test]
fn work_takes_whole_minutes_and_is_counted_from_one() {
    let work = |units, duration| {
        let mut step = draft().explosion.steps.remove(0);
        step.quantity = Quantity::from_units(units).unwrap();
        step.operation.duration = duration;
        draft().work_order(&step, 1).duration
    };
    for (units, duration, minutes) in [(1_000, 7, 7), (500, 7, 4), (1, 1, 1), (2_000, 0, 0), (1_500, 2, 3)] {
        assert_eq!(work(units, duration), minutes, "{units} × {duration}");
    }
    let orders = draft().as_created().work_orders;
    assert_eq!(orders.iter().map(|work| work.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_ne!(orders[0].id, orders[1].id);
    assert_eq!(
        orders[0].id,
        draft().as_created().work_orders[0].id,
        "asking twice is asking once"
    );
}

/// Before it is begun it may be cancelled, even before it is written; then it is not written any more.
#[test]
fn cancelled() {
    let order_id = OrderId::default();
    let cancel = || ProductionOrderCommand::Cancel { order_id, scrap: false };
    let cancelled = || ProductionOrderEvent::Cancelled { order_id };
    let created = || ProductionOrderEvent::Created(Box::new(draft().as_created()));
    let scheduled = || ProductionOrderEvent::Scheduled {
        order_id,
        start: DateTime::UNIX_EPOCH,
        finish: DateTime::UNIX_EPOCH,
    };
    for before in [vec![], vec![created()], vec![created(), scheduled()]] {
        given::<ProductionOrder>(before.clone())
            .when(cancel())
            .then([cancelled()]);
        let after = before.into_iter().chain([cancelled()]);
        given::<ProductionOrder>(after.clone()).when(cancel()).then([]);
        given::<ProductionOrder>(after)
            .when(ProductionOrderCommand::Create(Box::new(draft())))
            .then([]);
    }
    let start = DateTime::UNIX_EPOCH;
    given::<ProductionOrder>([created(), cancelled()])
        .when(ProductionOrderCommand::Schedule { start })
        .then([]);
    let of = |status| ProductionOrder::Known {
        status,
        order_id,
        minutes: 0,
        materials: vec![],
    };
    let under_way = |status| Err(ProductionOrderRejection::UnderWay { status });
    let scrap = ProductionOrderCommand::Cancel { order_id, scrap: true };
    assert_eq!(of(Status::InProgress).decide(&cancel()), under_way(Status::InProgress));
    assert_eq!(of(Status::InProgress).decide(&scrap), Ok(vec![cancelled()]));
    assert_eq!(of(Status::Completed).decide(&scrap), under_way(Status::Completed));
}
