//! The same of what is made: bills of materials and production orders.

use super::{Promises, any_commands, nothing};
use crate::{
    Number, Quantity,
    production::{
        bom::{Below, Bill, Bom, BomCommand, BomEvent},
        production_order::{Draft, ProductionOrder, ProductionOrderCommand},
    },
    testing::sample,
};

#[test]
fn bill_and_production() {
    let BomEvent::Defined { product_id, bill, .. } = sample("bom.defined.v1") else {
        panic!("another event")
    };
    let awaits = |line| BomCommand::Await {
        product_id,
        order_id: Default::default(),
        line,
    };
    let define = |bill: Bill, below| BomCommand::Define {
        product_id,
        bill,
        below,
    };
    let commands = [
        define(bill.clone(), Below::Sound),
        define(
            Bill {
                operations: vec![],
                ..bill.clone()
            },
            Below::Sound,
        ),
        define(bill, Below::LeadsBack),
        define(Bill::default(), Below::Sound),
        awaits(0),
        awaits(1),
    ];
    // Who asks for a bill that is there is answered each time.
    any_commands::<Bom>(
        &commands,
        &Promises {
            names_its_effect: |command| matches!(command, BomCommand::Define { .. }),
            invariant: nothing,
        },
    );

    use ProductionOrderCommand as C;
    let draft = Draft {
        id: Default::default(),
        order_id: Default::default(),
        order_number: Number::from("ORD-2026-0001"),
        line: 0,
        product_id,
        product_name: "Cabinet".into(),
        quantity: Quantity::whole(2),
        priority: Default::default(),
        due_date: None,
        bom_version: 1,
        explosion: Default::default(),
        notes: None,
    };
    let none = Draft {
        quantity: Quantity::ZERO,
        ..draft.clone()
    };
    let at = |instant: &str| C::Schedule {
        start: instant.parse().unwrap(),
    };
    let commands = [
        C::Create(Box::new(draft)),
        C::Create(Box::new(none)),
        at("2026-01-05T04:00:00Z"),
        at("1066-01-05T04:00:00Z"),
        C::Cancel {
            order_id: Default::default(),
            scrap: false,
        },
    ];
    any_commands::<ProductionOrder>(
        &commands,
        &Promises {
            names_its_effect: nothing,
            invariant: nothing,
        },
    );
}
