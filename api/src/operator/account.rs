//! `prometric account password`: the way back for who has forgotten their password and has no address that a code could be sent
//! to, as a store's owner who registered by a user name. The operator has made sure of who asks; the log says who the operator was.

use super::{Failure, tell};
use crate::{
    config::Store,
    identity::{
        normal_email,
        password::{self, Passwords},
        secrets,
        session::{self, Which},
    },
    serve::open_store,
    stores::person::normal_username,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use commands::{Actor, Context, Executor};
use domain::{
    id::WorkspaceId,
    identity::user::{SessionEnd, User, UserCommand},
};
use projections::platform;
use sqlx::PgPool;

#[derive(Debug, Subcommand)]
pub enum Account {
    /// Draws another password for an account and tells it once; all its sessions end.
    Password(Reset),
}

#[derive(Debug, Args)]
pub struct Reset {
    /// The account's user name, or its mail address.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// Who decides.
    #[arg(long = "as", env = "USER", value_parser = NonEmptyStringValueParser::new())]
    who: String,
    #[command(flatten)]
    store: Store,
}

pub async fn run(account: Account) -> Result<(), Failure> {
    let Account::Password(reset) = account;
    reset.run().await
}

impl Reset {
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let user = named(&pool, &self.name).await?;
        let user = user.ok_or_else(|| format!("there is no account '{}'", self.name))?;
        let drawn = URL_SAFE_NO_PAD.encode(&secrets::random()[..15]);
        let hashed = Passwords::new(false).hash(drawn.clone()).await;
        let hash = hashed.map_err(|_| "the password could not be hashed")?;
        let mut tx = pool.begin().await?;
        password::store(&mut *tx, user.id, &hash).await?;
        let ended = session::end(&mut tx, user.id, Which::AllBut(None)).await?;
        tx.commit().await?;
        let executor = Executor::new(log.clone());
        let context = Context::new(WorkspaceId::PLATFORM, Actor::Operator(self.who), Utc::now());
        let sessions = ended.into_iter().map(Into::into).collect();
        let why = SessionEnd::Password;
        for command in [UserCommand::ChangePassword, UserCommand::EndSessions { sessions, why }] {
            executor.execute::<User>(user.id.into(), &command, &context).await?;
        }
        log.farewell().await?;
        Ok(tell(drawn)?)
    }
}

async fn named(pool: &PgPool, name: &str) -> Result<Option<platform::User>, sqlx::Error> {
    match platform::user_by_username(pool, &normal_username(name)).await? {
        Some(user) => Ok(Some(user)),
        None => platform::user_by_email(pool, &normal_email(name)).await,
    }
}
