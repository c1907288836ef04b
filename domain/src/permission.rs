//! Rights. A permission is a `MODULE_ACTION` string, a role a named set of them; an employee may be granted more.

use crate::Choice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// Named in grants, refusals and the documents as `DEALS_VIEW`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[schemars(extend("x-extensible" = true))]
pub enum Permission {
    WorkspacesView,
    WorkspacesCreate,
    WorkspacesUpdate,
    /// Making owners, and unmaking them.
    OwnersUpdate,
    /// Who may enter the workspace, as what, and its own roles.
    MembersView,
    MembersCreate,
    MembersUpdate,
    MembersDelete,
    RolesView,
    RolesCreate,
    RolesUpdate,
    RolesDelete,
    EmployeesView,
    EmployeesCreate,
    EmployeesUpdate,
    /// Letting those in who wait for it, or not.
    EmployeesApprove,
    /// What somebody earns.
    SalariesView,
    SalariesUpdate,
    /// Somebody's own papers and numbers.
    PapersView,
    PapersUpdate,
    DepartmentsView,
    DepartmentsCreate,
    DepartmentsUpdate,
    CustomersView,
    CustomersCreate,
    CustomersUpdate,
    CustomersDelete,
    DealsView,
    DealsCreate,
    DealsUpdate,
    DealsDelete,
    ProductsView,
    ProductsCreate,
    ProductsUpdate,
    ProductsDelete,
    StockUpdate,
    OrdersView,
    OrdersCreate,
    OrdersUpdate,
    OrdersApprove,
    ProductionView,
    ProductionCreate,
    ProductionUpdate,
    FinanceView,
    FinanceCreate,
    FinanceUpdate,
    NotificationsView,
    /// How the system itself does: processes, and who follows the log.
    OperationsView,
    OperationsUpdate,
    /// Everything that happened, whatever it happened to.
    AuditView,
    /// What is known of a person, taken out or destroyed.
    PrivacyExport,
    PrivacyErase,
    /// The company itself: what it is called, and what it asks of those who sign in.
    OrganizationsUpdate,
    /// What machines sign in with.
    ApiKeysView,
    ApiKeysUpdate,
    /// Telling the log of what happened elsewhere.
    ExternalAppend,
}

impl Permission {
    pub const ALL: &'static [Self] = Self::VARIANTS;

    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether it is about records that are somebody's, so that it may be limited to some of them.
    pub const fn is_of_records(self) -> bool {
        matches!(
            self,
            Self::CustomersView
                | Self::CustomersUpdate
                | Self::CustomersDelete
                | Self::DealsView
                | Self::DealsUpdate
                | Self::DealsDelete
                | Self::OrdersView
                | Self::OrdersUpdate
                | Self::OrdersApprove
                | Self::EmployeesView
                | Self::EmployeesUpdate
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

// The seven of documents 1, 3 and 4.
/// What a member may be in a workspace.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    IntoStaticStr,
    EnumString,
    Choice,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[schemars(extend("x-extensible" = true))]
pub enum Role {
    Owner,
    Admin,
    Manager,
    Accountant,
    Employee,
    Cashier,
    Stockkeeper,
}

impl Role {
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// What the role may do by itself (product, "Roles"; document 3: an employee has no till and no finance).
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => permission != P::OwnersUpdate,
            Self::Manager => !matches!(
                permission,
                P::WorkspacesCreate
                    | P::WorkspacesUpdate
                    | P::OwnersUpdate
                    | P::MembersCreate
                    | P::MembersUpdate
                    | P::MembersDelete
                    | P::RolesCreate
                    | P::RolesUpdate
                    | P::RolesDelete
                    | P::EmployeesCreate
                    | P::EmployeesUpdate
                    | P::EmployeesApprove
                    | P::SalariesView
                    | P::SalariesUpdate
                    | P::PapersView
                    | P::PapersUpdate
                    | P::DepartmentsCreate
                    | P::DepartmentsUpdate
                    | P::FinanceCreate
                    | P::FinanceUpdate
                    | P::OrdersApprove
                    | P::OperationsView
                    | P::OperationsUpdate
                    | P::AuditView
                    | P::PrivacyExport
                    | P::PrivacyErase
                    | P::OrganizationsUpdate
                    | P::ApiKeysView
                    | P::ApiKeysUpdate
                    | P::ExternalAppend
            ),
            Self::Accountant => {
                matches!(
                    permission,
                    P::FinanceView
                        | P::FinanceCreate
                        | P::FinanceUpdate
                        | P::SalariesView
                        | P::EmployeesView
                        | P::DepartmentsView
                        | P::WorkspacesView
                        | P::CustomersView
                        | P::OrdersView
                        | P::DealsView
                        | P::ProductsView
                        | P::NotificationsView
                )
            }
            Self::Employee => {
                matches!(
                    permission,
                    P::WorkspacesView
                        | P::EmployeesView
                        | P::DepartmentsView
                        | P::CustomersView
                        | P::DealsView
                        | P::ProductsView
                        | P::OrdersView
                        | P::ProductionView
                        | P::NotificationsView
                )
            }
            Self::Cashier => matches!(
                permission,
                P::WorkspacesView
                    | P::ProductsView
                    | P::CustomersView
                    | P::OrdersView
                    | P::OrdersCreate
                    | P::NotificationsView
            ),
            Self::Stockkeeper => {
                matches!(
                    permission,
                    P::WorkspacesView
                        | P::ProductsView
                        | P::ProductsUpdate
                        | P::StockUpdate
                        | P::ProductionView
                        | P::NotificationsView
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_employee_has_no_finance_and_an_owner_has_everything() {
        assert!(!Role::Employee.allows(Permission::FinanceView));
        assert!(Permission::ALL.iter().all(|p| Role::Owner.allows(*p)));
    }

    /// Every right of every role, and none besides.
    #[test]
    fn what_each_role_may_do() {
        let refused = |role: Role| Permission::ALL.iter().filter(move |right| !role.allows(**right));
        let allowed = |role: Role| Permission::ALL.iter().filter(move |right| role.allows(**right));
        assert_eq!(refused(Role::Owner).count(), 0);
        let told = |rights: Vec<&Permission>| rights.iter().map(|right| right.code()).collect::<Vec<_>>().join(" ");
        assert_eq!(told(refused(Role::Admin).collect()), "OWNERS_UPDATE");
        assert_eq!(
            told(refused(Role::Manager).collect()),
            "WORKSPACES_CREATE WORKSPACES_UPDATE OWNERS_UPDATE MEMBERS_CREATE MEMBERS_UPDATE MEMBERS_DELETE ROLES_CREATE \
             ROLES_UPDATE ROLES_DELETE EMPLOYEES_CREATE EMPLOYEES_UPDATE EMPLOYEES_APPROVE SALARIES_VIEW SALARIES_UPDATE \
             PAPERS_VIEW PAPERS_UPDATE DEPARTMENTS_CREATE DEPARTMENTS_UPDATE ORDERS_APPROVE FINANCE_CREATE FINANCE_UPDATE \
             OPERATIONS_VIEW OPERATIONS_UPDATE AUDIT_VIEW PRIVACY_EXPORT PRIVACY_ERASE ORGANIZATIONS_UPDATE API_KEYS_VIEW \
             API_KEYS_UPDATE EXTERNAL_APPEND"
        );
        for (role, rights) in [
            (
                Role::Accountant,
                "WORKSPACES_VIEW EMPLOYEES_VIEW SALARIES_VIEW DEPARTMENTS_VIEW CUSTOMERS_VIEW DEALS_VIEW PRODUCTS_VIEW ORDERS_VIEW \
                 FINANCE_VIEW FINANCE_CREATE FINANCE_UPDATE NOTIFICATIONS_VIEW",
            ),
            (
                Role::Employee,
                "WORKSPACES_VIEW EMPLOYEES_VIEW DEPARTMENTS_VIEW CUSTOMERS_VIEW DEALS_VIEW PRODUCTS_VIEW ORDERS_VIEW \
                 PRODUCTION_VIEW NOTIFICATIONS_VIEW",
            ),
            (
                Role::Cashier,
                "WORKSPACES_VIEW CUSTOMERS_VIEW PRODUCTS_VIEW ORDERS_VIEW ORDERS_CREATE NOTIFICATIONS_VIEW",
            ),
            (
                Role::Stockkeeper,
                "WORKSPACES_VIEW PRODUCTS_VIEW PRODUCTS_UPDATE STOCK_UPDATE PRODUCTION_VIEW NOTIFICATIONS_VIEW",
            ),
        ] {
            assert_eq!(told(allowed(role).collect()), rights, "{role:?}");
        }
    }

    #[test]
    fn rights_and_roles_are_spelled_as_in_grants_and_documents() {
        assert_eq!(
            (Permission::DealsView.code(), Permission::DealsView.to_string()),
            ("DEALS_VIEW", "DEALS_VIEW".into())
        );
        assert_eq!("STOCK_UPDATE".parse(), Ok(Permission::StockUpdate));
        assert_eq!(
            (Role::Stockkeeper.code(), "stockkeeper".parse()),
            ("stockkeeper", Ok(Role::Stockkeeper))
        );
    }
}
