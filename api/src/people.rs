//! Who works here, and in which part of the company.

pub mod approval;
pub mod department;
pub mod employee;
pub(crate) mod entry;
pub mod invitation;

use crate::identity::secrets;
use log::migrate::Migration;
use sqlx::PgPool;

/// Tables of what is no part of any log.
const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "0010_waiting_accounts",
        include_str!("../../migrations/platform/0010_waiting_accounts.sql"),
    ),
    Migration::new(
        "0011_invitations",
        include_str!("../../migrations/platform/0011_invitations.sql"),
    ),
    Migration::new(
        "0016_invitation_language",
        include_str!("../../migrations/platform/0016_invitation_language.sql"),
    ),
];

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    secrets::apply(pool, MIGRATIONS).await
}
