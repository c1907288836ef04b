//! What can be made of rows: a noun says what stands beside its list of fields in a row, and how a thing of it is entered, which is what its
//! API does, too. Entered with an executor that rehearses, a row tells what it would come to.

use super::columns::Target;
use crate::{
    extract::{Caller, Json, digit_holds, numbers_of},
    problem::Problem,
    state::App,
    view,
};
use commands::{Context, Done, Executor};
use domain::{
    Aggregate, Fields, Permission,
    catalog::product::Product,
    field::FieldKind,
    office::custom_field::Details,
    sales::{customer::Customer, deal::Deal, order::Order},
};
use projections::{office::custom_field, view::Reader};
use uuid::Uuid;

/// Who enters something, with what.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub app: &'a App,
    pub executor: &'a Executor,
    pub caller: &'a Caller,
    pub context: &'a Context,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Entered {
    pub changed: bool,
}

impl<E> From<Done<E>> for Entered {
    fn from(done: Done<E>) -> Self {
        Self {
            changed: !done.events.is_empty(),
        }
    }
}

/// A noun whose things are made of rows, and changed by them.
pub trait Rowed: Aggregate {
    type Fields: Fields;
    /// What a row may say beside the fields, and what it is.
    const BESIDE: &'static [(&'static str, FieldKind)];

    /// Makes one of a row's fields, or changes it.
    fn enter(
        entry: Entry<'_>,
        id: Self::Id,
        fields: Json,
        is_new: bool,
    ) -> impl Future<Output = Result<Entered, Problem>> + Send;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Products,
    Customers,
    Deals,
    Orders,
}

impl Resource {
    pub const ALL: [Self; 4] = [Self::Products, Self::Customers, Self::Deals, Self::Orders];

    /// As paths name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Customers => "customers",
            Self::Deals => "deals",
            Self::Orders => "orders",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == name)
    }

    /// Who imports makes and changes.
    pub(super) const fn rights(self) -> [Permission; 2] {
        match self {
            Self::Products => [Permission::ProductsCreate, Permission::ProductsUpdate],
            Self::Customers => [Permission::CustomersCreate, Permission::CustomersUpdate],
            Self::Deals => [Permission::DealsCreate, Permission::DealsUpdate],
            Self::Orders => [Permission::OrdersCreate, Permission::OrdersUpdate],
        }
    }

    /// A field that belongs to one thing alone, and its kind of unique key.
    pub(super) const fn key(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Products => Some(("code", "product.code")),
            Self::Customers | Self::Deals | Self::Orders => None,
        }
    }

    /// All that a column of a file can be where the workspace has these fields of its own.
    pub(super) fn targets(self, own: Vec<Details>) -> Vec<Target> {
        let mut targets = match self {
            Self::Products => targets::<Product>(),
            Self::Customers => targets::<Customer>(),
            Self::Deals => targets::<Deal>(),
            Self::Orders => targets::<Order>(),
        };
        targets.extend(own.into_iter().map(Target::own));
        targets
    }

    /// The same in the caller's workspace.
    pub(super) async fn targets_of(self, app: &App, caller: &Caller) -> Result<Vec<Target>, Problem> {
        let own = async |reader: Reader<'_>| custom_field::of(reader, self.name()).await;
        Ok(self.targets(view::as_reader_at(app, caller, None, own).await?))
    }

    pub(super) async fn enter(
        self,
        entry: Entry<'_>,
        id: Uuid,
        fields: Json,
        is_new: bool,
    ) -> Result<Entered, Problem> {
        match self {
            Self::Products => entered::<Product>(entry, id, fields, is_new).await,
            Self::Customers => entered::<Customer>(entry, id, fields, is_new).await,
            Self::Deals => entered::<Deal>(entry, id, fields, is_new).await,
            Self::Orders => entered::<Order>(entry, id, fields, is_new).await,
        }
    }
}

/// A row's numbers are asked for their check digits as a body's are.
async fn entered<N: Rowed>(entry: Entry<'_>, id: Uuid, fields: Json, is_new: bool) -> Result<Entered, Problem> {
    if let Json::Object(said) = &fields {
        for name in numbers_of::<N::Fields>() {
            let number = said.iter().find(|(field, _)| field == name);
            if let Some((_, Json::Text(number))) = number {
                digit_holds(entry.app, name, number)?;
            }
        }
    }
    N::enter(entry, id.into(), fields, is_new).await
}

fn targets<N: Rowed>() -> Vec<Target> {
    let fields = N::Fields::FIELDS.iter().filter(|field| field.asked);
    let beside = N::BESIDE.iter().map(|(name, kind)| Target::new(name, *kind));
    Target::KEYS
        .into_iter()
        .chain(fields.map(Target::of))
        .chain(beside)
        .collect()
}
