//! What a role may do, in document 4's words. They are shown and decide nothing: what may be done is what `domain::Role` says,
//! beside which this table stands. Where that document contradicts itself about managers (its tables let them manage
//! employees, the description of the role does not), the role's rights hold (product, "Roles"): they see them.

use crate::i18n::{self, Language};
use domain::Role;
use schemars::JsonSchema;
use serde::Serialize;

/// The names of what somebody with that role may do.
pub const fn permissions(role: Role) -> &'static [&'static str] {
    match role {
        // An admin lacks only what concerns owners, for which there is no name.
        Role::Owner | Role::Admin => &[
            "view_all",
            "create_all",
            "update_all",
            "delete_all",
            "manage_employees",
            "manage_store",
            "view_analytics",
            "manage_products",
            "manage_sales",
            "manage_customers",
        ],
        Role::Manager => &[
            "view_all",
            "create_all",
            "update_all",
            "manage_products",
            "manage_sales",
            "manage_customers",
            "view_analytics",
        ],
        Role::Cashier => &["view_products", "create_sales", "view_customers", "create_customers"],
        Role::Stockkeeper => &[
            "view_products",
            "create_products",
            "update_products",
            "manage_inventory",
            "view_analytics",
        ],
        // Not of that document.
        Role::Accountant => &["view_products", "view_customers", "view_analytics"],
        Role::Employee => &["view_products", "view_customers"],
    }
}

/// A role and what it is called.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RoleShown {
    role: Role,
    /// In the caller's language.
    role_display: String,
    permissions: Vec<&'static str>,
}

impl RoleShown {
    pub fn new(role: Role, language: Language) -> Self {
        Self {
            role,
            role_display: i18n::role(language, role),
            permissions: permissions(role).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Choice;

    #[test]
    fn the_four_roles_of_document_4_have_the_permissions_it_prints() {
        let told = |role: Role| permissions(role).join(" ");
        assert_eq!(
            told(Role::Owner),
            "view_all create_all update_all delete_all manage_employees manage_store view_analytics manage_products \
             manage_sales manage_customers"
        );
        assert_eq!(
            told(Role::Manager),
            "view_all create_all update_all manage_products manage_sales manage_customers view_analytics"
        );
        assert_eq!(
            told(Role::Cashier),
            "view_products create_sales view_customers create_customers"
        );
        assert_eq!(
            told(Role::Stockkeeper),
            "view_products create_products update_products manage_inventory view_analytics"
        );
    }

    #[test]
    fn every_role_is_called_something_in_every_language() {
        for role in Role::ALL {
            for language in Language::ALL {
                let shown = RoleShown::new(*role, language);
                assert!(!shown.role_display.starts_with("role-"), "{role:?} {language:?}");
                assert!(!shown.permissions.is_empty());
            }
        }
    }
}
