//! What the lines of a placed order can be changed to, and what follows.

use super::{
    cancelling::planned,
    goods::{of_goods, shipped},
    *,
};

const TOTAL: i32 = 80_640_000;

fn known(status: Status) -> Known {
    let order = Order::default().evolve(&of_goods(status));
    order.known().cloned().unwrap()
}

/// All of them, but for what is said of some.
fn but(others: &[(u32, Option<i32>)]) -> Vec<WantedLine> {
    let line = |n: u32| match others.iter().find(|(other, _)| *other == n) {
        None => Some(WantedLine::kept(n)),
        Some((_, quantity)) => quantity.map(|quantity| WantedLine {
            quantity: Some(Quantity::whole(quantity)),
            ..WantedLine::kept(n)
        }),
    };
    (0..4).filter_map(line).collect()
}

fn invoice() -> InvoiceId {
    InvoiceId::new(Uuid::from_u128(1))
}

/// Of an order that holds its goods, has its production order there, and is billed whole.
fn revision(items: Vec<WantedLine>, act: ProductionAct, paid: i32) -> Revision {
    let billed = PlannedInvoice {
        invoice_id: invoice(),
        invoice_number: None,
        amount: Money::whole(TOTAL),
        paid: Money::whole(paid),
        act: InvoiceAct::Cancel,
    };
    Revision {
        items,
        id: OrderId::new(Uuid::from_u128(3)),
        standing: Box::new(Plan {
            goods: known(Status::Confirmed).reserved(),
            production: vec![planned(act)],
            invoices: vec![billed],
        }),
        ..Revision::default()
    }
}

fn plain(items: Vec<WantedLine>) -> Revision {
    revision(items, ProductionAct::Cancel, 0)
}

fn says(order: &Order, revision: Revision) -> Changed {
    match order.decide(&OrderCommand::Revise(Box::new(revision))) {
        Ok(events) => match events.into_iter().next() {
            Some(OrderEvent::Changed(changed)) => *changed,
            other => panic!("{other:?}"),
        },
        Err(refused) => panic!("{refused}"),
    }
}

#[test]
fn revise() {
    use Status::{Cancelled, Completed, Confirmed, Delivered, Draft, Processing, Shipped};
    let command = |revision| OrderCommand::Revise(Box::new(revision));
    let when = |revision| given::<Order>([of_goods(Confirmed)]).when(command(revision));
    given::<Order>([])
        .when(command(plain(but(&[]))))
        .then_rejected(OrderRejection::Missing);
    let long = Revision {
        reason: Some("x".repeat(5_001)),
        ..plain(but(&[]))
    };
    when(long).then_rejected(invalid("reason", Rule::TooLong { max: 5_000 }));
    for (wanted, field, rule) in [
        (vec![WantedLine::kept(9)], "items[0].line", Rule::Unknown),
        (
            vec![WantedLine::kept(0), WantedLine::kept(0)],
            "items[1].line",
            Rule::NotUnique,
        ),
        (
            vec![WantedLine {
                product_id: Some(ProductId::new(Uuid::from_u128(2))),
                ..WantedLine::kept(0)
            }],
            "items[0].productId",
            Rule::NotAllowed,
        ),
        (
            vec![WantedLine {
                quantity: Some(Quantity::whole(1)),
                ..WantedLine::default()
            }],
            "items[0].productId",
            Rule::Required,
        ),
    ] {
        when(plain(wanted)).then_rejected(invalid(field, rule));
    }
    for status in [Draft, Shipped, Delivered, Completed, Cancelled] {
        given::<Order>([of_goods(status)])
            .when(command(plain(but(&[]))))
            .then_rejected(OrderRejection::LinesStay { status });
    }
    when(plain(vec![])).then_rejected(OrderRejection::Empty);
    given::<Order>([of_goods(Processing), shipped(&[(0, 1, 1)])])
        .when(command(plain(but(&[(0, Some(49))]))))
        .then_rejected(OrderRejection::LineSent {
            product: "product 1".into(),
        });
    when(revision(but(&[(1, None)]), ProductionAct::Choose, 0)).then_rejected(OrderRejection::ChoiceMissing {
        product: "Cabinet".into(),
    });
    when(revision(but(&[(0, Some(1))]), ProductionAct::Cancel, 1)).then_rejected(OrderRejection::BilledAbove {
        billed: Money::whole(TOTAL),
    });
    when(plain(but(&[]))).then([]);
}

/// A line of another quantity ends, and one begins with a number that there never was.
#[test]
fn what_a_change_says() {
    let order = Order::default().evolve(&of_goods(Status::Confirmed));
    let mut items = but(&[(0, Some(40)), (2, None)]);
    items.push(WantedLine {
        product_id: Some(ProductId::new(Uuid::from_u128(1))),
        quantity: Some(Quantity::whole(10)),
        ..WantedLine::default()
    });
    let asked = Revision {
        drafts: BTreeMap::from([(3, line(ProductType::Product))]),
        ..plain(items)
    };
    let changed = says(&order, asked.clone());
    let numbers: Vec<Option<u32>> = changed.items.iter().map(|line| line.line).collect();
    assert_eq!(numbers, [Some(4), Some(1), Some(3), Some(5)]);
    assert_eq!((&changed.ended[..], &changed.begun[..]), (&[0, 2][..], &[4, 5][..]));
    let freed: Vec<u32> = changed.goods.iter().map(|goods| goods.line).collect();
    assert_eq!((freed, changed.production.len()), (vec![0, 2], 0));
    // 40 of 50; what is made and the service stay; document 2's line is new.
    let total = Money::whole(16_128_000 + 2 * 20_160_000 + 6_916_000);
    assert_eq!(
        (changed.total_amount, changed.items[0].total_price),
        (total, Money::whole(16_128_000))
    );
    assert_eq!((&changed.revoked[..], changed.standing.len()), (&[invoice()][..], 0));
    let bill = changed.bill.unwrap();
    assert_eq!((bill.amount, bill.whole, changed.change), (total, true, 1));
    let plan = order.known().unwrap().plan(&asked).unwrap();
    let acts: Vec<(u32, LineAct)> = plan.lines.iter().map(|line| (line.line, line.act)).collect();
    assert_eq!(
        acts,
        [
            (0, LineAct::Renew),
            (1, LineAct::Keep),
            (3, LineAct::Keep),
            (2, LineAct::Renew),
        ],
        "what is added of the same product stands for what is taken out"
    );
    assert_eq!(
        (plan.reserves.len(), plan.produces.len(), plan.obstacles.len()),
        (2, 0, 0)
    );

    let after = order.evolve(&OrderEvent::Changed(Box::new(changed)));
    assert_eq!(after.known().unwrap().bills(asked.id), [bill]);
    let left: Vec<u32> = after.known().unwrap().left().iter().map(|left| left.line).collect();
    assert_eq!(left, [4, 1, 5]);
    let again = says(&after, plain([4, 1, 3].map(WantedLine::kept).to_vec()));
    assert_eq!((&again.ended[..], again.change), (&[5][..], 2));
    let after = after.evolve(&OrderEvent::Changed(Box::new(again)));
    let mut items = [1, 3].map(WantedLine::kept).to_vec();
    items.push(WantedLine {
        quantity: Some(Quantity::whole(41)),
        ..WantedLine::kept(4)
    });
    assert_eq!(says(&after, plain(items)).begun, [6], "no number comes twice");
}

/// A price alone moves no goods; what is made is made anew in another quantity.
#[test]
fn what_follows_from_which_change() {
    let order = Order::default().evolve(&of_goods(Status::Pending));
    let cheaper = |n: u32| WantedLine {
        unit_price: Some(Money::whole(1)),
        ..WantedLine::kept(n)
    };
    let mut prices = but(&[]);
    prices[1] = cheaper(1);
    let changed = says(&order, plain(prices));
    assert_eq!(
        (changed.ended.len(), changed.goods.len(), changed.production.len()),
        (0, 0, 0)
    );
    assert_eq!(changed.items[1].line, Some(1));
    let changed = says(&order, plain(but(&[(1, Some(3)), (3, Some(2))])));
    assert_eq!(
        (&changed.ended[..], &changed.begun[..]),
        (&[1][..], &[4][..]),
        "a service keeps its line"
    );
    let goods: Vec<_> = changed
        .goods
        .iter()
        .map(|goods| goods.production_order_id.is_some())
        .collect();
    assert_eq!(
        (goods, changed.production.len()),
        (vec![false, true], 1),
        "with its material"
    );
}

/// What is being paid stands; what the order comes to beyond it is billed beside it.
#[test]
fn what_is_billed_beside() {
    let order = Order::default().evolve(&of_goods(Status::Processing));
    let changed = says(&order, revision(but(&[(0, Some(51))]), ProductionAct::Cancel, 5));
    let more = Money::whole(51 * 403_200 - 20_160_000);
    let bill = changed.bill.unwrap();
    assert_eq!((bill.amount, bill.whole), (more, false));
    assert_eq!((changed.revoked.len(), changed.standing[0].invoice_id), (0, invoice()));
    let after = order.evolve(&OrderEvent::Changed(Box::new(changed)));
    let after = after.known().unwrap();
    let id = OrderId::new(Uuid::from_u128(3));
    assert_eq!(after.bills(id).len(), 2);
    let day = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
    let beside = after.bill_beside(id, bill, day, 30);
    assert_eq!((beside.amount, line::sum(&beside.items)), (more, Some(more)));
    let whole = Bill { whole: true, ..bill };
    assert_eq!(after.bill_beside(id, whole, day, 30).items, after.items());
}

/// When nothing is left to be sent of what was sent in part, it is sent.
#[test]
fn what_was_left_is_taken_out() {
    let order = [of_goods(Status::Processing), shipped(&[(0, 1, 50), (2, 1, 10)])];
    let order = order.iter().fold(Order::default(), Order::evolve);
    let events = order.decide(&OrderCommand::Revise(Box::new(plain(but(&[(1, None)])))));
    let events = events.unwrap();
    assert_eq!(events[1..], [changed(Status::Processing, Status::Shipped)]);
}
