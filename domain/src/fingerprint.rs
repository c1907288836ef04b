//! What this build's folds are known by. A state that was written down is used again only by a build with the same
//! fingerprint; by any other it is folded anew. It covers every source of this crate, its version and the exact
//! dependencies, for a fold may call anything in them: a comment changes it too, which costs one fold a stream, while
//! a finer rule that missed one change would give wrong states for ever.

/// SHA-256, made by `build.rs`.
pub const FINGERPRINT: &[u8; 32] = include_bytes!(concat!(env!("OUT_DIR"), "/fingerprint"));

#[cfg(test)]
mod tests {
    use crate::{
        Aggregate,
        catalog::{
            category::Category, price::Prices, price_list::PriceList, product::Product, stock::Stock,
            stock_policy::StockPolicy, warehouse::Warehouse,
        },
        external::External,
        finance::{exchange_rate::ExchangeRate, invoice::Invoice},
        identity::{organization::Organization, user::User, workspace::Workspace},
        office::{notification::Notification, requirement::Requirement},
        process::Process,
        production::{bom::Bom, production_order::ProductionOrder},
        sales::{credit::Credit, customer::Customer, deal::Deal, order::Order},
        testing::samples,
    };
    use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
    use std::fmt::Debug;

    /// Whatever happened, and wherever the state is written down on the way: it is read back the same, and going on
    /// from there leads where the whole stream leads.
    fn survives_being_written_down<A: Aggregate + PartialEq + Debug>() {
        let known = samples::<A>();
        assert!(!known.is_empty(), "{} has no samples", A::NAME);
        let streams = (prop::collection::vec(any::<Index>(), 0..12), any::<Index>());
        TestRunner::default()
            .run(&streams, |(stream, pause)| {
                let stream: Vec<&A::Event> = stream.iter().map(|n| n.get(&known)).collect();
                let (before, after) = stream.split_at(pause.index(stream.len() + 1));
                let fold =
                    |state: A, events: &[&A::Event]| events.iter().fold(state, |state, event| state.evolve(event));
                let state = fold(A::default(), before);
                let read_back: A = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                prop_assert_eq!(&read_back, &state);
                prop_assert_eq!(fold(read_back, after), fold(A::default(), &stream));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_state_from_a_snapshot_is_the_state_from_the_whole_stream() {
        survives_being_written_down::<User>();
        survives_being_written_down::<Organization>();
        survives_being_written_down::<Workspace>();
        survives_being_written_down::<Customer>();
        survives_being_written_down::<Deal>();
        survives_being_written_down::<Order>();
        survives_being_written_down::<Credit>();
        survives_being_written_down::<Requirement>();
        survives_being_written_down::<Category>();
        survives_being_written_down::<PriceList>();
        survives_being_written_down::<Prices>();
        survives_being_written_down::<Product>();
        survives_being_written_down::<Warehouse>();
        survives_being_written_down::<Stock>();
        survives_being_written_down::<StockPolicy>();
        survives_being_written_down::<Bom>();
        survives_being_written_down::<ProductionOrder>();
        survives_being_written_down::<Invoice>();
        survives_being_written_down::<ExchangeRate>();
        survives_being_written_down::<Notification>();
        survives_being_written_down::<Process>();
        survives_being_written_down::<External>();
    }
}
