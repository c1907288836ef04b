//! The same of what is sold, bought and made: categories, price lists, products, their stock and where it lies.

use super::{says, says_with, tells_fields};
use crate::{
    Kind, Quantity,
    catalog::{
        category::CategoryRejection, price::PriceRejection, price_list::PriceListRejection, product::ProductRejection,
        stock::StockRejection, stock_policy::StockPolicyRejection, warehouse::WarehouseRejection,
    },
};
use chrono::NaiveDate;

pub fn catalog() -> Vec<&'static str> {
    use {CategoryRejection as C, PriceListRejection as L, ProductRejection as P, StockRejection as S};
    vec![
        says(C::Missing, "category.missing", Kind::Missing, "no such category"),
        says(
            C::AlreadyCreated,
            "category.already_created",
            Kind::Exists,
            "already created",
        ),
        says(
            C::Cyclic,
            "category.cyclic",
            Kind::Conflict,
            "a category cannot be a part of itself",
        ),
        says_with(
            C::TooDeep { max: 10 },
            "category.too_deep",
            Kind::Conflict,
            "more than 10 levels",
            &[("max", "10")],
        ),
        tells_fields::<C>("category.invalid"),
        says(L::Missing, "price_list.missing", Kind::Missing, "no such price list"),
        says(
            L::AlreadyCreated,
            "price_list.already_created",
            Kind::Exists,
            "already created",
        ),
        tells_fields::<L>("price_list.invalid"),
        says_with(
            PriceRejection::TooManyLists { max: 100 },
            "price.too_many_lists",
            Kind::Conflict,
            "in more than 100 lists",
            &[("max", "100")],
        ),
        tells_fields::<PriceRejection>("price.invalid"),
        says(P::Missing, "product.missing", Kind::Missing, "no such product"),
        says(
            P::AlreadyCreated,
            "product.already_created",
            Kind::Exists,
            "already created",
        ),
        says(P::NoSuchImage, "product.no_such_image", Kind::Missing, "no such image"),
        says_with(
            P::InStock {
                on_hand: Quantity::whole(3),
            },
            "product.in_stock",
            Kind::Conflict,
            "3 are still in stock",
            &[("on_hand", "3")],
        ),
        tells_fields::<P>("product.invalid"),
        says(S::TooMuch, "stock.too_much", Kind::Invalid, "more than can be counted"),
        says_with(
            S::NotEnough {
                available: Quantity::whole(3),
            },
            "stock.not_enough",
            Kind::Stock,
            "3 is there for it",
            &[("available", "3")],
        ),
        says(
            S::NotUnderWay,
            "stock.not_under_way",
            Kind::Missing,
            "no such transfer is on its way",
        ),
        says_with(
            S::Closed {
                first: NaiveDate::default(),
            },
            "stock.closed",
            Kind::Conflict,
            "the books are closed; 1970-01-01 is the first open day",
            &[("first", "1970-01-01")],
        ),
        says_with(
            S::NotEmpty {
                there: Quantity::whole(3),
            },
            "stock.not_empty",
            Kind::Conflict,
            "3 is still there",
            &[("there", "3")],
        ),
        says_with(
            S::Unavailable {
                missing: Quantity::whole(3),
            },
            "stock.unavailable",
            Kind::Stock,
            "3 are missing",
            &[("missing", "3")],
        ),
        says_with(
            S::LotShort {
                number: "L-1".into(),
                available: Quantity::whole(3),
            },
            "stock.lot_short",
            Kind::Stock,
            "only 3 of lot L-1 is there for it",
            &[("number", "L-1"), ("available", "3")],
        ),
        says_with(
            S::Expired { number: "L-1".into() },
            "stock.expired",
            Kind::Stock,
            "lot L-1 has expired",
            &[("number", "L-1")],
        ),
        says_with(
            S::SerialInStock { number: "S-1".into() },
            "stock.serial_in_stock",
            Kind::Conflict,
            "S-1 is in stock already",
            &[("number", "S-1")],
        ),
        tells_fields::<S>("stock.invalid"),
        tells_fields::<StockPolicyRejection>("stock_policy.invalid"),
        says(
            WarehouseRejection::Missing,
            "warehouse.missing",
            Kind::Missing,
            "no such warehouse",
        ),
        says(
            WarehouseRejection::AlreadyCreated,
            "warehouse.already_created",
            Kind::Exists,
            "already created",
        ),
        tells_fields::<WarehouseRejection>("warehouse.invalid"),
    ]
}
