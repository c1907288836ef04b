//! Typed ids. An id is made at the edge (time-ordered) or derived from another id, never drawn inside a rule.

use crate::field::{FieldKind, FieldValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// What every id can do; lets generic code speak of "an aggregate's id".
pub trait Id:
    Copy + Eq + Ord + std::hash::Hash + fmt::Debug + fmt::Display + From<Uuid> + Into<Uuid> + Send + Sync + 'static
{
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, Default)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl Id for $name {}

        impl FieldValue for $name {
            const KIND: FieldKind = FieldKind::Uuid;
            const LIST: FieldKind = FieldKind::Tags;
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    WorkspaceId,
    UserId,
    /// One person's, of whom it is told that they were erased.
    PersonId,
    OrganizationId,
    /// What one signing-in begins: every token that follows from it.
    SessionId,
    ApiKeyId,
    /// One of a workspace's own roles.
    RoleId,
    EmployeeId,
    DepartmentId,
    CustomerId,
    /// A stream of an outside system.
    ExternalId,
    /// One of the people a customer is reached by.
    ContactId,
    InteractionId,
    DealId,
    /// Of a paper that a deal refers to.
    DocumentId,
    ActivityId,
    /// One version of a deal's offer.
    QuoteId,
    PipelineId,
    CustomFieldId,
    /// Which of a resource's own fields are required.
    RequirementId,
    /// A stage of a workspace's own pipeline.
    PipelineStageId,
    OrderId,
    /// One customer's credit.
    CreditId,
    CategoryId,
    /// What of an order is sent together.
    ShipmentId,
    /// What of an order comes back together.
    ReturnId,
    ProductId,
    /// Of a file that shows a product.
    ImageId,
    PriceListId,
    /// One product's prices in lists.
    PriceId,
    /// Whom goods are bought from, as the client knows them.
    SupplierId,
    /// One stock per product.
    StockId,
    /// How a workspace keeps its stock.
    StockPolicyId,
    /// One bill of materials per product.
    BomId,
    WarehouseId,
    /// Goods that are sent from one place to another.
    TransferId,
    ProductionOrderId,
    WorkOrderId,
    InvoiceId,
    PaymentId,
    /// One currency's rates.
    ExchangeRateId,
    NotificationId,
    /// One instance of one saga.
    ProcessId,
}

/// A stable id from a parent and a role: the same inputs give the same id on every node and in every replay,
/// which is what lets a saga ask twice and get one thing.
pub fn derive(parent: impl Into<Uuid>, role: &str) -> Uuid {
    Uuid::new_v5(&parent.into(), role.as_bytes())
}

impl WorkspaceId {
    /// The platform's own log: users, organizations, workspaces, memberships.
    pub const PLATFORM: Self = Self(Uuid::nil());
}

impl CustomFieldId {
    /// Of the workspace's own field of that key: so its values are checked without a list of all fields, and there are
    /// no two of one name.
    pub fn of(workspace: WorkspaceId, resource: &str, key: &str) -> Self {
        Self(derive(workspace, &format!("{resource}.{key}")))
    }
}

impl RequirementId {
    pub fn of(workspace: WorkspaceId, resource: &str) -> Self {
        Self(derive(workspace, &format!("required of {resource}")))
    }
}

impl ExternalId {
    /// Of the stream that the outside calls so.
    pub fn of(name: &str) -> Self {
        const STREAMS: Uuid = Uuid::from_u128(0x6f0c_7a53_9c1e_4d0b_8a3f_3b7c_52d1_e986);
        Self(Uuid::new_v5(&STREAMS, name.as_bytes()))
    }
}

impl CreditId {
    pub fn of(customer: CustomerId) -> Self {
        Self(derive(customer, "credit"))
    }
}

impl StockId {
    pub fn of(product: ProductId) -> Self {
        Self(derive(product, "stock"))
    }
}

impl PriceId {
    pub fn of(product: ProductId) -> Self {
        Self(derive(product, "price"))
    }
}

impl OrderId {
    /// The one that a won deal becomes.
    pub fn of_deal(deal: impl Into<Uuid>) -> Self {
        Self(derive(deal, "order"))
    }
}

impl InvoiceId {
    /// The one that a won deal brings.
    pub fn of_deal(deal: impl Into<Uuid>) -> Self {
        Self(derive(deal, "invoice"))
    }

    /// The one that an order by hand brings.
    pub fn of_order(order: OrderId) -> Self {
        Self(derive(order, "invoice"))
    }

    /// The one that an order's nth change brings.
    pub fn of_change(order: OrderId, change: u32) -> Self {
        Self(derive(order, &format!("invoice of change {change}")))
    }

    /// The credit note that takes back the whole of it.
    pub fn credit_note(self) -> Self {
        Self(derive(self, "credit note"))
    }
}

impl ProductionOrderId {
    /// The one that makes an order's line.
    pub fn of_line(order: impl Into<Uuid>, line: u32) -> Self {
        Self(derive(order, &format!("production of line {line}")))
    }
}

impl BomId {
    pub fn of(product: ProductId) -> Self {
        Self(derive(product, "bom"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finance::Currency;
    use chrono::NaiveDate;

    /// Streams are found by them: another id would lose what is stored.
    #[test]
    fn derived_ids_never_change() {
        let product = ProductId::new(Uuid::from_u128(9));
        assert_eq!(StockId::of(product).to_string(), "ff69fa6b-0fb3-587d-a799-2f37bf241988");
        assert_eq!(
            StockPolicyId::only().to_string(),
            "038f0614-eac2-54ea-8dc6-54405d81b037"
        );
        assert_eq!(BomId::of(product).to_string(), "180cce17-c329-5c91-8e0d-572f7a567269");
        let deal = Uuid::from_u128(9);
        assert_eq!(OrderId::of_deal(deal), OrderId(derive(deal, "order")));
        assert_eq!(InvoiceId::of_deal(deal), InvoiceId(derive(deal, "invoice")));
        let line = ProductionOrderId::of_line(deal, 2);
        assert_eq!(line.uuid(), derive(deal, "production of line 2"));
        let rates = ExchangeRateId::of(&Currency::from("USD"));
        assert_eq!(rates.to_string(), "e9c4c54f-58db-54c3-9b7c-4d7aab9fa204");
        let day = NaiveDate::from_ymd_opt(2026, 11, 10).unwrap();
        assert_eq!(rates.on(day).to_string(), "3b34f548-f7ba-530e-a758-6ea7d66d0a3f");
    }
}
