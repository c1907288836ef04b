//! What every mail that is owed has in common, wherever its row stands: how often it was tried, what it says now, and what
//! becomes of its row.

use super::Unsent;
use crate::state::App;
use async_trait::async_trait;
use lettre::{Message, message::Mailbox};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

/// A mail that is owed, and for two minutes its taker's.
#[async_trait]
pub trait Owed: Send + Sync {
    /// For the operator's log.
    fn id(&self) -> Uuid;

    /// How often it was tried, this time included.
    fn attempts(&self) -> i32;

    /// What is to go out.
    async fn mail(&self, app: &App, from: &Mailbox) -> Result<Message, Unsent>;

    /// It is out, or nobody wants it any more.
    async fn settle(&self, pool: &PgPool) -> Result<(), sqlx::Error>;

    /// To be tried again after a pause.
    async fn postpone(&self, pool: &PgPool, pause: Duration) -> Result<(), sqlx::Error>;

    /// Not to be tried again.
    async fn give_up(&self, pool: &PgPool) -> Result<(), sqlx::Error>;
}
