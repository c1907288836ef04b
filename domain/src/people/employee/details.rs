//! What is known of an employee besides their status and their rights: the one list of its fields.

use crate::{Change, Check, Fields, Money, Rule, Violation, Violations, finance::Currency, id::DepartmentId};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) const REASON_MAX: usize = 500;

/// What is known of an employee.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// Unique in the workspace. Asked for of everybody but those who have an account without one (document 4).
    #[field(required, email)]
    pub email: Option<String>,
    #[field(required, max = 100)]
    pub first_name: String,
    #[field(required, max = 100)]
    pub last_name: String,
    #[field(max = 100)]
    pub position: Option<String>,
    pub department_id: Option<DepartmentId>,
    #[field(max = 30)]
    pub phone: Option<String>,
    /// Whom to call when something happens to them.
    #[field(max = 100)]
    pub emergency_contact: Option<String>,
    #[field(twelve_digits)]
    pub iin: Option<String>,
    #[field(max = 30)]
    pub passport: Option<String>,
    pub hire_date: Option<NaiveDate>,
    /// `permanent`, …
    #[field(max = 50)]
    pub contract_type: Option<String>,
    /// A month.
    #[field(not_negative)]
    pub salary: Option<Money>,
    #[field(currency)]
    pub currency: Currency,
}

impl Details {
    /// Every field against its limits. `may_lack_last_name`: of who has an account it need not be known.
    pub(super) fn checked_as(&self, may_lack_last_name: bool) -> Result<(), Violations> {
        let Err(found) = self.checked() else { return Ok(()) };
        let mut check = Check::default();
        for Violation { field, rule } in found.as_slice() {
            let tolerated = may_lack_last_name && field == "lastName" && *rule == Rule::Required;
            check.that(tolerated, field.clone(), rule.clone());
        }
        check.done()
    }
}

impl Change {
    /// Whether it says what they earn.
    pub fn names_salary(&self) -> bool {
        !self.salary.is_keep() || !self.currency.is_keep()
    }

    /// Whether it names their papers.
    pub fn names_papers(&self) -> bool {
        !self.iin.is_keep() || !self.passport.is_keep()
    }
}
