//! What holds of lots whatever happens to them: they come to what is there, in all and in each place.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What may happen next, to which of a few lots, and how much.
fn command(next: u32, n: u32, quantity: i32, tracking: Tracking) -> StockCommand {
    let quantity = match tracking {
        Tracking::Serial => 1,
        Tracking::None | Tracking::Lot => quantity,
    };
    let lots = named(vec![until(&format!("L-{n}"), quantity, n + 1)]);
    let place = (n % 2 == 1).then(|| WarehouseId::new(Uuid::from_u128(1)));
    let here = |quantity, lots| Movement {
        warehouse: place,
        ..movement(quantity, lots)
    };
    let transfer = TransferId::new(Uuid::from_u128(u128::from(n)));
    match next {
        0 | 1 => StockCommand::Receive {
            product_id: product(),
            lots,
            quantity: Quantity::whole(quantity),
            unit_cost: None,
            reference: None,
            reason: None,
            warehouse: place,
        },
        2 => StockCommand::Issue(here(quantity, Named::default()), None),
        3 => StockCommand::Issue(here(quantity, lots), None),
        4 => StockCommand::Adjust(here(-quantity, named(vec![lot(&format!("L-{n}"), -quantity)])), None),
        5 => StockCommand::Count(here(quantity, lots), Moment::default(), None),
        6 => {
            let to = match place {
                Some(_) => None,
                None => warehouse(),
            };
            let transfer = Transfer {
                id: transfer,
                to,
                at_once: n > 3,
            };
            StockCommand::Send(here(quantity, Named::default()), transfer)
        }
        7 => StockCommand::Arrive {
            product_id: product(),
            transfer_id: transfer,
        },
        8 => StockCommand::Track {
            product_id: product(),
            tracking,
        },
        9 => StockCommand::PutBack(here(quantity, lots), Money::whole(7).into()),
        10 => of_an_earlier_day(
            StockCommand::Issue(here(quantity, Named::default()), None),
            &format!("L-{n}"),
            1,
        ),
        _ => ship(quantity, Named::default()),
    }
}

proptest! {
    #[test]
    fn lots_are_the_sum_s_parts(
        serial in any::<bool>(),
        fifo in any::<bool>(),
        steps in prop::collection::vec((0_u32..12, 0_u32..6, 1_i32..9), 0..60),
    ) {
        let tracking = if serial { Tracking::Serial } else { Tracking::Lot };
        let valuation = if fifo { Valuation::Fifo } else { Valuation::Average };
        let mut stock = stock(&[tracked(tracking), valued(valuation)]);
        for (next, n, quantity) in steps {
            // What is refused changes nothing.
            for event in stock.decide(&command(next, n, quantity, tracking)).unwrap_or_default() {
                stock = stock.evolve(&event);
            }
            let mut places: BTreeMap<Place, Quantity> = BTreeMap::new();
            let (mut all, mut moving) = (Quantity::ZERO, Quantity::ZERO);
            for (number, kept) in stock.lots.kept.iter() {
                let of_lot: Quantity = kept.lies.iter().map(|(_, quantity)| *quantity).sum();
                prop_assert!(!serial || (of_lot == PIECE && kept.lies.len() == 1), "{number} is in two places");
                all = all.plus(of_lot);
                for (spot, quantity) in &kept.lies {
                    prop_assert!(quantity.is_positive(), "less than nothing of {number}");
                    match spot {
                        Spot::UnderWay(_) => moving = moving.plus(*quantity),
                        Spot::At(place) => {
                            let there = places.entry(*place).or_default();
                            *there = there.plus(*quantity);
                        }
                    }
                }
            }
            prop_assert_eq!(all, stock.on_hand(), "stock by lots is the stock");
            prop_assert_eq!(moving, stock.places.moving());
            let by_layers: Quantity = stock.layers.layers().map(|layer| layer.quantity).sum();
            prop_assert!(!fifo || by_layers == stock.on_hand(), "and by layers");
            for place in [None, warehouse()] {
                prop_assert_eq!(places.get(&place).copied().unwrap_or_default(), stock.at(place));
            }
            let written = serde_json::to_value(&stock).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Stock>(written).unwrap(), &stock);
        }
    }
}
