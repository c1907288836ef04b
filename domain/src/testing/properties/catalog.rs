//! The same of what is sold, bought and made: categories, price lists, products and their stock.

use super::{Promises, any_commands, nothing};
use crate::{
    Money, Patch, Quantity,
    catalog::{
        category::{self, Category, CategoryCommand},
        price::{Prices, SetPrices, Tier},
        price_list::{self, PriceList, PriceListCommand},
        product::{self, ImageFile, Product, ProductCommand, ProductEvent},
        stock::{
            Dated, Demand, Exchange, LandedKind, Landing, Least, Lot, Moment, Movement, Named, Outgoing, Stock,
            StockCommand, StockEvent, Terms, Tracking, Transfer, Valuation, Valued,
        },
        stock_policy::{StockPolicy, StockPolicyCommand, Wanted},
        warehouse::{self, Warehouse, WarehouseCommand},
    },
    finance::Currency,
    id::ProductId,
    testing::sample,
    tree::Spot,
};
use chrono::NaiveDate;
use uuid::Uuid;

#[test]
fn stock_policy() {
    let today = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
    let set = |valuation, month: Option<u32>| {
        let closed_through = month.and_then(|month| NaiveDate::from_ymd_opt(2026, month, 31));
        let wanted = Wanted {
            valuation,
            closed_through,
        };
        StockPolicyCommand::Set { wanted, today }
    };
    let commands = [
        set(Some(Valuation::Fifo), None),
        set(Some(Valuation::Average), Some(8)),
        set(None, Some(10)),
        set(None, Some(12)),
    ];
    any_commands::<StockPolicy>(
        &commands,
        &Promises {
            names_its_effect: |_| true,
            invariant: nothing,
        },
    );
}

#[test]
fn category() {
    use CategoryCommand as C;
    let details = category::Details {
        name: "Электроника".into(),
        ..Default::default()
    };
    let named = |name: &str| {
        Box::new(category::Change {
            name: Patch::Set(name.into()),
            ..Default::default()
        })
    };
    let below_itself = Spot {
        above: vec![Default::default()],
        ..Default::default()
    };
    let commands = [
        C::Create(Box::new(details), Spot::default()),
        C::Create(Box::default(), Spot::default()),
        C::Update(named("a"), Spot::default()),
        C::Update(named("b"), Spot::default()),
        C::Update(named(" "), Spot::default()),
        C::Update(named("c"), below_itself),
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_, spot) if spot.above.is_empty());
    any_commands::<Category>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn price_list_and_prices() {
    use PriceListCommand as C;
    let details = |name: &str| price_list::Details {
        name: name.into(),
        ..Default::default()
    };
    let named = |name: &str| {
        Box::new(price_list::Change {
            name: Patch::Set(name.into()),
            ..Default::default()
        })
    };
    let commands = [
        C::Create(Box::new(details("a"))),
        C::Create(Box::default()),
        C::Update(named("b")),
        C::Update(named("c")),
        C::Update(named(" ")),
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_));
    any_commands::<PriceList>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    let set = |list: u128, prices: &[i32]| SetPrices {
        product_id: ProductId::default(),
        price_list_id: Uuid::from_u128(list).into(),
        tiers: prices
            .iter()
            .map(|price| Tier {
                min_quantity: Quantity::whole(*price),
                price: Money::whole(*price),
            })
            .collect(),
    };
    let commands = [
        set(1, &[3, 1]),
        set(1, &[2]),
        set(1, &[]),
        set(2, &[1]),
        set(2, &[1, 1]),
        set(2, &[-1]),
    ];
    any_commands::<Prices>(
        &commands,
        &Promises {
            names_its_effect: |_| true,
            invariant: nothing,
        },
    );
}

#[test]
fn warehouse() {
    use WarehouseCommand as C;
    let coded = |code: &str| {
        Box::new(warehouse::Change {
            code: Patch::Set(Some(code.into())),
            ..Default::default()
        })
    };
    let details = warehouse::Details {
        name: "a".into(),
        ..Default::default()
    };
    let commands = [
        C::Create(Box::new(details)),
        C::Create(Box::default()),
        C::Update(coded("A")),
        C::Update(coded("B")),
        C::Update(Box::new(warehouse::Change {
            parent_id: Patch::Set(Some(Uuid::from_u128(1).into())),
            ..Default::default()
        })),
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_));
    any_commands::<Warehouse>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );
}

#[test]
fn product_and_stock() {
    use {ProductCommand as C, StockCommand as S};
    let ProductEvent::Created(details) = sample("product.created.v1") else {
        panic!("another event")
    };
    let ProductEvent::ImageAdded { file, .. } = sample("product.image.added.v1") else {
        panic!("another event")
    };
    let change = |price| {
        Box::new(product::Change {
            price: Patch::Set(Money::whole(price)),
            ..Default::default()
        })
    };
    let tracked = Box::new(product::Change {
        tracking: Patch::Set(Tracking::Serial),
        ..Default::default()
    });
    let commands = [
        C::Create(details),
        C::Create(Box::default()),
        C::Update(change(7)),
        C::Update(change(8)),
        C::Update(change(-1)),
        C::AddImage {
            file: file.clone(),
            is_primary: false,
        },
        C::AddImage {
            file: Box::new(ImageFile {
                image_id: Uuid::from_u128(2).into(),
                ..*file.clone()
            }),
            is_primary: true,
        },
        C::RemoveImage(file.image_id),
        C::Update(tracked),
        C::Archive,
    ];
    let names_its_effect = |command: &C| matches!(command, C::Update(_) | C::AddImage { .. });
    any_commands::<Product>(
        &commands,
        &Promises {
            names_its_effect,
            invariant: nothing,
        },
    );

    let StockEvent::Reserved { demand, .. } = sample("stock.reserved.v1") else {
        panic!("another event")
    };
    let product_id = ProductId::default();
    let receive = |quantity| S::Receive {
        product_id,
        lots: Default::default(),
        quantity,
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    };
    let value = |valuation| S::Value(Valued { product_id, valuation });
    let day = NaiveDate::default();
    let terms = Terms {
        product_id,
        valuation: Valuation::Fifo,
        dated: Some(Dated {
            on: day,
            today: day,
            closed_through: None,
            least: Some(Quantity::whole(1)),
            least_of_lots: [("A".to_owned(), Quantity::ZERO)].into(),
        }),
    };
    let lot = |number: &str| S::Receive {
        product_id,
        lots: Named {
            lots: vec![Lot {
                number: number.into(),
                quantity: Quantity::whole(1),
                ..Default::default()
            }],
            ..Default::default()
        },
        quantity: Quantity::whole(1),
        unit_cost: None,
        reference: None,
        reason: None,
        warehouse: None,
    };
    let track = |tracking| S::Track { product_id, tracking };
    let least = Some(Least {
        min: Quantity::whole(3),
        code: "A".into(),
        name: "a".into(),
        unit: "шт".into(),
    });
    let movement = |quantity: i32| Movement {
        product_id,
        quantity: Quantity::whole(quantity),
        reason: Some("a".into()),
        ..Default::default()
    };
    let there = |quantity: i32| Movement {
        warehouse: Some(Uuid::from_u128(1).into()),
        ..movement(quantity)
    };
    let transfer = |id: u128, to, at_once| Transfer {
        id: Uuid::from_u128(id).into(),
        to,
        at_once,
    };
    let moment = |moved_since: i32| Moment {
        at: Default::default(),
        moved_since: Quantity::whole(moved_since),
        ..Default::default()
    };
    let of = |n: u128| Demand {
        id: Uuid::from_u128(n),
        ..demand.clone()
    };
    let ship = |id: u128, n: u128, quantity: i32| {
        S::Ship(Box::new(Outgoing {
            id: Uuid::from_u128(id),
            product_id,
            demand: of(n),
            demanded: Quantity::whole(5),
            quantity: Quantity::whole(quantity),
            from: vec![],
            lots: Default::default(),
            least: least.clone(),
        }))
    };
    let release = |n: u128| S::Release {
        product_id,
        demand: of(n),
    };
    let exchange = |ends: u128, begins: u128, quantity: i32| {
        S::Exchange(Box::new(Exchange {
            product_id,
            ends: vec![of(ends)],
            begins: vec![(of(begins), Quantity::whole(quantity))],
            least: least.clone(),
        }))
    };
    let reserve = |n: u128, quantity: i32| S::Reserve {
        product_id,
        demand: of(n),
        quantity: Quantity::whole(quantity),
        least: least.clone(),
    };
    let commands = [
        receive(Quantity::whole(3)),
        receive(Quantity::whole(8)),
        receive(Quantity::ZERO),
        receive(Quantity::from_units(999_999_999_999).unwrap()),
        value(Valuation::Fifo),
        value(Valuation::Average),
        S::PutBack(movement(3), Money::whole(100).into()),
        S::Land(Box::new(Landing {
            id: Uuid::from_u128(1),
            product_id,
            receipt_id: Uuid::from_u128(2),
            received: Quantity::whole(3),
            came_since: Quantity::whole(1),
            kind: LandedKind::Freight,
            note: Some("a".into()),
            currency: Currency::kzt(),
            amount: Money::whole(100).into(),
        })),
        S::Under(terms.clone(), Box::new(receive(Quantity::whole(2)))),
        S::Under(terms, Box::new(S::Issue(movement(2), least.clone()))),
        S::Issue(movement(2), least.clone()),
        S::Issue(movement(7), least.clone()),
        S::Adjust(movement(4), least.clone()),
        S::Adjust(movement(-3), least.clone()),
        S::Adjust(movement(0), least.clone()),
        S::Count(movement(6), moment(0), least.clone()),
        S::Count(movement(1), moment(2), least.clone()),
        S::Count(movement(-1), moment(0), least.clone()),
        S::Issue(there(1), None),
        S::Count(there(2), moment(0), None),
        S::Send(movement(2), transfer(1, there(0).warehouse, false)),
        S::Send(there(1), transfer(2, None, true)),
        S::Send(there(1), transfer(3, there(0).warehouse, true)),
        S::Arrive {
            product_id,
            transfer_id: Uuid::from_u128(1).into(),
        },
        reserve(1, 5),
        reserve(2, 4),
        reserve(3, 0),
        ship(101, 1, 5),
        ship(102, 2, 1),
        ship(103, 4, 2),
        release(1),
        release(2),
        release(4),
        exchange(1, 5, 3),
        exchange(2, 6, 9),
        track(Tracking::Lot),
        track(Tracking::Serial),
        lot("A"),
        lot("B"),
    ];
    let names_its_effect = |command: &S| {
        matches!(
            command,
            S::Reserve { .. } | S::Ship(_) | S::Release { .. } | S::Exchange(_) | S::Value(_) | S::Track { .. }
        )
    };
    let invariant = |stock: &Stock| !stock.available().is_negative();
    any_commands::<Stock>(
        &commands,
        &Promises {
            names_its_effect,
            invariant,
        },
    );
}
