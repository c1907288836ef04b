//! `May<DealsCreate>`: a handler's signature states the right it needs, and it is checked before the body is read.

use super::{Caller, Id, SignedIn};
use crate::{problem::Problem, state::App};
use axum::{extract::FromRequestParts, http::request::Parts};
use domain::Permission;
use std::{marker::PhantomData, ops::Deref};
use uuid::Uuid;

/// A permission as a type.
pub trait Right: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// A caller who has the right.
#[derive(Debug)]
pub struct May<R>(Caller, PhantomData<R>);

impl<R: Right> FromRequestParts<App> for May<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require(R::PERMISSION)?;
        Ok(Self(caller, PhantomData))
    }
}

impl<R> Deref for May<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// What the path's `{id}` names, for one who may change it; asked before the body is read.
#[derive(Debug)]
pub struct MayChange<T>(pub T);

/// What somebody may change by what they are in it, and not in the workspace that they are in.
pub trait Changeable: Sized + Send {
    fn by(app: &App, person: SignedIn, id: Uuid) -> impl Future<Output = Result<Self, Problem>> + Send;
}

impl<T: Changeable> FromRequestParts<App> for MayChange<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let person = SignedIn::from_request_parts(parts, app).await?;
        let Id(id) = Id::<Uuid>::from_request_parts(parts, app).await?;
        T::by(app, person, id).await.map(Self)
    }
}

macro_rules! markers {
    ($($name:ident)*) => {
        pub mod markers {
            use super::{Permission, Right};

            $(
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl Right for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )*

            /// A permission without a marker does not compile.
            const _: fn(Permission) = |permission| match permission {
                $(Permission::$name => (),)*
            };
        }
    };
}

markers! {
    WorkspacesView WorkspacesCreate WorkspacesUpdate
    OwnersUpdate
    MembersView MembersCreate MembersUpdate MembersDelete
    RolesView RolesCreate RolesUpdate RolesDelete
    EmployeesView EmployeesCreate EmployeesUpdate EmployeesApprove
    SalariesView SalariesUpdate PapersView PapersUpdate
    DepartmentsView DepartmentsCreate DepartmentsUpdate
    CustomersView CustomersCreate CustomersUpdate CustomersDelete
    DealsView DealsCreate DealsUpdate DealsDelete
    ProductsView ProductsCreate ProductsUpdate ProductsDelete
    StockUpdate
    OrdersView OrdersCreate OrdersUpdate OrdersApprove
    ProductionView ProductionCreate ProductionUpdate
    FinanceView FinanceCreate FinanceUpdate
    NotificationsView
    OperationsView OperationsUpdate
    AuditView
    PrivacyExport PrivacyErase
    OrganizationsUpdate
    ApiKeysView ApiKeysUpdate
    ExternalAppend
}
