//! How an order by hand begins: with lines that are priced, in its currency and of its kind.

use super::{Details, Draft, Known, OrderEvent, OrderRejection, OrderType, Revisions, Status};
use crate::{
    Check, Number, Rule,
    catalog::product::ProductType,
    sales::line::{self, Line, LineDraft},
};
use std::collections::{BTreeMap, BTreeSet};

/// An order as a person places it, or a draft.
pub(super) fn place(draft: &Draft) -> Result<Vec<OrderEvent>, OrderRejection> {
    let mut check = Check::default();
    draft.details.check_all(&mut check);
    let begins = matches!(draft.status, Status::Draft | Status::Pending | Status::Confirmed);
    check.that(begins, "status", Rule::NotAllowed);
    let items = priced(&mut check, &draft.items, &draft.details);
    check.done()?;
    if items.is_empty() && draft.status != Status::Draft {
        return Err(OrderRejection::Empty);
    }
    let order = Known {
        number: Number::pending(),
        status: draft.status,
        details: draft.details.clone(),
        total: line::sum(&items).unwrap_or_default(),
        items,
        sent: BTreeMap::new(),
        shipments: BTreeSet::new(),
        returned: BTreeMap::new(),
        returns: BTreeSet::new(),
        spent: BTreeMap::new(),
        lots: BTreeMap::new(),
        revisions: Revisions::default(),
    };
    Ok(vec![OrderEvent::Created(Box::new(order.as_created(draft.status)))])
}

/// The lines of an order of that kind and currency.
pub(super) fn priced(check: &mut Check, drafts: &[LineDraft], details: &Details) -> Vec<Line> {
    for (n, draft) in drafts.iter().enumerate() {
        let fits = fits(details.kind, draft.kind);
        check.that(fits, format!("items[{n}].productId"), Rule::NotAllowed);
    }
    line::price(check, "items", drafts, &details.currency)
}

/// Whether there can be such a product in an order of that kind.
pub(super) fn fits(order: OrderType, product: ProductType) -> bool {
    match order {
        OrderType::Sales => true,
        OrderType::Service => matches!(product, ProductType::Service | ProductType::Digital),
    }
}
