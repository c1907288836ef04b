//! What holds of a stock, whatever happens to it.

use super::*;
use crate::{Rule, finance::Currency, testing::given};
use proptest::prelude::*;

fn demand(n: u128) -> Demand {
    Demand {
        id: Uuid::from_u128(n),
        order_id: OrderId::default(),
        line: 0,
        production_order_id: None,
        reference: "ORD-2026-0001".into(),
    }
}

fn receive(quantity: i32) -> StockCommand {
    StockCommand::Receive {
        product_id: ProductId::default(),
        lots: Named::default(),
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    }
}

fn reserve(n: u128, quantity: i32) -> StockCommand {
    StockCommand::Reserve {
        product_id: ProductId::default(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
        least: None,
    }
}

fn received(quantity: i32) -> StockEvent {
    StockEvent::Received {
        product_id: ProductId::default(),
        lots: vec![],
        quantity: Quantity::whole(quantity),
        unit_cost: None,
        cost: Some(Total::ZERO),
        reference: None,
        reason: None,
        warehouse_id: None,
        effective_date: None,
    }
}

fn reserved(n: u128, quantity: i32) -> StockEvent {
    StockEvent::Reserved {
        product_id: ProductId::default(),
        demand: demand(n),
        quantity: Quantity::whole(quantity),
    }
}

fn short(n: u128, missing: i32) -> StockEvent {
    StockEvent::Short {
        product_id: ProductId::default(),
        demand: demand(n),
        missing: Quantity::whole(missing),
    }
}

#[test]
fn what_is_there_is_held_and_the_rest_waits() {
    given::<Stock>([received(3)])
        .when(reserve(1, 5))
        .then([reserved(1, 3), short(1, 2)]);
    given::<Stock>([]).when(reserve(1, 5)).then([short(1, 5)]);
}

#[test]
fn arriving_goods_serve_the_line_first_come_first_served() {
    given::<Stock>([short(1, 5), short(2, 5)])
        .when(receive(7))
        .then([received(7), reserved(1, 5), reserved(2, 2)]);
}

#[test]
fn asking_twice_is_asking_once() {
    given::<Stock>([received(5), reserved(1, 5)])
        .when(reserve(1, 5))
        .then([]);
}

#[test]
fn a_negative_receipt_is_refused() {
    given::<Stock>([])
        .when(receive(-1))
        .then_rejected(StockRejection::Invalid(Violations::one("quantity", Rule::NotPositive)));
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Next {
    Receive,
    Reserve,
    Issue,
    Adjust,
    Count,
    Send,
    Arrive,
    Ship,
    Release,
    Value,
    PutBack,
    Late,
    Land,
}

fn next() -> impl Strategy<Value = (Next, u128, i32)> {
    let all = [
        Next::Receive,
        Next::Reserve,
        Next::Issue,
        Next::Adjust,
        Next::Count,
        Next::Send,
        Next::Arrive,
        Next::Ship,
        Next::Release,
        Next::Value,
        Next::PutBack,
        Next::Late,
        Next::Land,
    ];
    (prop::sample::select(all.to_vec()), 0_u128..6, 1_i32..50)
}

/// Every other step is about a warehouse.
fn place(n: u128) -> Place {
    (n % 2 == 1).then(|| WarehouseId::new(Uuid::from_u128(1)))
}

fn command(next: Next, n: u128, quantity: i32) -> StockCommand {
    let movement = |quantity: i32| Movement {
        quantity: Quantity::whole(quantity),
        unit_cost: (n > 2).then(|| Money::whole(quantity)),
        reason: Some("a".into()),
        warehouse: place(n),
        ..Movement::default()
    };
    let moment = Moment {
        at: DateTime::UNIX_EPOCH,
        moved_since: Quantity::whole(i32::try_from(n).unwrap() - 3),
        ..Moment::default()
    };
    match next {
        Next::Receive => receive(quantity),
        Next::Reserve => reserve(n, quantity),
        Next::Issue => StockCommand::Issue(movement(quantity), None),
        Next::Adjust => StockCommand::Adjust(movement(quantity - 25), None),
        Next::Count => StockCommand::Count(movement(quantity), moment, None),
        Next::Send => {
            let transfer = Transfer {
                id: TransferId::new(Uuid::from_u128(n)),
                to: place(n + 1),
                at_once: n > 3,
            };
            StockCommand::Send(movement(quantity), transfer)
        }
        Next::Arrive => StockCommand::Arrive {
            product_id: ProductId::default(),
            transfer_id: TransferId::new(Uuid::from_u128(n)),
        },
        // Every shipment is another, so long as it is of another size.
        Next::Ship => StockCommand::Ship(Box::new(Outgoing {
            id: Uuid::from_u128(1_000 * (n + 1) + u128::from(quantity.unsigned_abs())),
            product_id: ProductId::default(),
            demand: demand(n),
            demanded: Quantity::whole(quantity),
            quantity: Quantity::whole(quantity),
            from: place(n / 2).into_iter().collect(),
            lots: Named::default(),
            least: None,
        })),
        Next::Release => StockCommand::Release {
            product_id: ProductId::default(),
            demand: demand(n),
        },
        Next::Value => StockCommand::Value(valued(n.is_multiple_of(2))),
        Next::Late => {
            let day = NaiveDate::from_ymd_opt(2026, 11, 1 + u32::try_from(n).unwrap()).unwrap();
            let dated = Dated {
                on: day,
                today: NaiveDate::from_ymd_opt(2026, 11, 28).unwrap(),
                closed_through: NaiveDate::from_ymd_opt(2026, 11, 2),
                least: Some(Quantity::whole(10)),
                least_of_lots: Default::default(),
            };
            let terms = Terms {
                product_id: ProductId::default(),
                valuation: valued(n.is_multiple_of(2)).valuation,
                dated: (n > 0).then_some(dated),
            };
            StockCommand::Under(terms, Box::new(StockCommand::Adjust(movement(quantity - 25), None)))
        }
        Next::Land => StockCommand::Land(Box::new(Landing {
            id: Uuid::from_u128(n),
            product_id: ProductId::default(),
            receipt_id: Uuid::from_u128(n),
            received: Quantity::whole(quantity),
            came_since: Quantity::whole(i32::try_from(n).unwrap() * 3),
            kind: LandedKind::Customs,
            note: None,
            currency: Currency::kzt(),
            amount: Total::from(Money::whole(quantity)),
        })),
        Next::PutBack => StockCommand::PutBack(movement(quantity), Total::from(Money::whole(7))),
    }
}

fn valued(fifo: bool) -> Valued {
    Valued {
        product_id: ProductId::default(),
        valuation: if fifo { Valuation::Fifo } else { Valuation::Average },
    }
}

proptest! {
    #[test]
    fn nothing_is_ever_promised_twice(fifo in any::<bool>(), steps in prop::collection::vec(next(), 0..40)) {
        let mut stock = Stock::default().evolve(&StockEvent::Valued(valued(fifo)));
        let mut moved = Quantity::ZERO;
        for (next, n, quantity) in steps {
            // What is refused changes nothing.
            for event in stock.decide(&command(next, n, quantity)).unwrap_or_default() {
                moved = moved.plus(event.difference());
                stock = stock.evolve(&event);
            }
            prop_assert!(!stock.on_hand().is_negative() && !stock.available().is_negative());
            prop_assert!(!stock.reserved.is_negative() && stock.reserved <= stock.on_hand());
            prop_assert_eq!(stock.on_hand(), moved, "stock is the sum of its movements");
            let held: Quantity = stock.held.values().copied().sum();
            prop_assert_eq!(held, stock.reserved, "what is reserved is held for somebody");
            let (here, there) = (stock.at(None), stock.at(place(1)));
            prop_assert!(!here.is_negative() && !there.is_negative(), "less than nothing lies somewhere");
            prop_assert_eq!(here.plus(there).plus(stock.places.moving()), stock.on_hand());
            prop_assert!(!stock.holding.value.is_negative());
            prop_assert!(stock.on_hand().is_positive() || stock.holding.value.is_zero(), "nothing is worth something");
            if stock.layers.valuation() == Valuation::Fifo {
                let there: Quantity = stock.layers.layers().map(|layer| layer.quantity).sum();
                let value: Total = stock.layers.layers().map(|layer| layer.value).sum();
                prop_assert_eq!((there, value), (stock.holding.quantity, stock.holding.value), "layers add up");
                prop_assert!(stock.layers.layers().all(|layer| layer.quantity.is_positive() && !layer.value.is_negative()));
            }
            let starving = stock.line.iter().any(|waiting| waiting.missing.is_positive());
            prop_assert!(!starving || stock.available().is_zero(), "goods lie free while a demand waits");
        }
    }
}
