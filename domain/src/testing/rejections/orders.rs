//! The same of orders: their steps, what is sent of them and comes back, and how they are cancelled.

use super::{says, says_with, tells_fields};
use crate::{
    Kind, Money, Quantity,
    sales::{
        credit::CreditRejection,
        order::{self, OrderRejection},
    },
};

pub fn orders() -> Vec<&'static str> {
    use OrderRejection as O;
    vec![
        says(O::Missing, "order.missing", Kind::Missing, "no such order"),
        says(
            O::AlreadyCreated,
            "order.already_created",
            Kind::Exists,
            "already created",
        ),
        says(O::Empty, "order.empty", Kind::Invalid, "an order has at least one line"),
        says_with(
            O::NoSuchStep {
                from: order::Status::Pending,
                to: order::Status::Delivered,
            },
            "order.no_such_step",
            Kind::Transition,
            "pending does not become delivered",
            &[("from", "pending"), ("to", "delivered")],
        ),
        says_with(
            O::BeingWorkedOn {
                status: order::Status::Shipped,
            },
            "order.being_worked_on",
            Kind::Conflict,
            "it is shipped: it is being worked on",
            &[("status", "shipped")],
        ),
        says(
            O::NothingToShip,
            "order.nothing_to_ship",
            Kind::Conflict,
            "nothing is left to be sent",
        ),
        says_with(
            O::OutOfStock {
                product: "ERP".into(),
                missing: Quantity::whole(3),
            },
            "order.out_of_stock",
            Kind::Stock,
            "3 of ERP are missing in stock",
            &[("product", "ERP"), ("missing", "3")],
        ),
        says_with(
            O::LotShort {
                product: "ERP".into(),
                lot: "L-1".into(),
                available: Quantity::whole(3),
            },
            "order.lot_short",
            Kind::Stock,
            "only 3 of lot L-1 of ERP is there for it",
            &[("product", "ERP"), ("lot", "L-1"), ("available", "3")],
        ),
        says_with(
            O::LotExpired {
                product: "ERP".into(),
                lot: "L-1".into(),
            },
            "order.lot_expired",
            Kind::Stock,
            "lot L-1 of ERP has expired",
            &[("product", "ERP"), ("lot", "L-1")],
        ),
        says_with(
            O::SerialInStock {
                product: "ERP".into(),
                lot: "S-1".into(),
            },
            "order.serial_in_stock",
            Kind::Conflict,
            "S-1 of ERP is in stock already",
            &[("product", "ERP"), ("lot", "S-1")],
        ),
        says(
            O::NothingToReturn,
            "order.nothing_to_return",
            Kind::Conflict,
            "nothing of it is with the customer",
        ),
        says_with(
            O::NoRoom { product: "ERP".into() },
            "order.no_room",
            Kind::Invalid,
            "more of ERP than stock can hold",
            &[("product", "ERP")],
        ),
        says_with(
            O::LinesStay {
                status: order::Status::Shipped,
            },
            "order.lines_stay",
            Kind::Conflict,
            "it is shipped: its lines stay as they are",
            &[("status", "shipped")],
        ),
        says_with(
            O::LineSent { product: "ERP".into() },
            "order.line_sent",
            Kind::Conflict,
            "a part of ERP was sent",
            &[("product", "ERP")],
        ),
        says_with(
            O::BilledAbove {
                billed: Money::whole(10),
            },
            "order.billed_above",
            Kind::Conflict,
            "10 are being paid: it cannot come to less",
            &[("billed", "10")],
        ),
        says(
            O::PartlyShipped,
            "order.partly_shipped",
            Kind::Conflict,
            "a part of it was sent",
        ),
        says_with(
            O::RefundAbovePaid {
                refundable: Money::whole(10),
            },
            "order.refund_above_paid",
            Kind::Balance,
            "10 can go back",
            &[("refundable", "10")],
        ),
        says_with(
            O::CreditExceeded {
                limit: Money::whole(10),
                exposure: Money::whole(7).into(),
                amount: Money::whole(4),
            },
            "order.credit_exceeded",
            Kind::Credit,
            "7 of 10 are taken: 4 more is too much",
            &[("limit", "10"), ("exposure", "7"), ("amount", "4")],
        ),
        says_with(
            CreditRejection::Exceeded {
                limit: Money::whole(10),
                exposure: Money::whole(7).into(),
                amount: Money::whole(4),
            },
            "credit.exceeded",
            Kind::Credit,
            "7 of 10 are taken: 4 more is too much",
            &[("limit", "10"), ("exposure", "7"), ("amount", "4")],
        ),
        says_with(
            O::ChoiceMissing {
                product: "Cabinet".into(),
            },
            "order.choice_missing",
            Kind::Conflict,
            "Cabinet is being made: finish it to stock, or scrap it",
            &[("product", "Cabinet")],
        ),
        tells_fields::<O>("order.invalid"),
    ]
}
