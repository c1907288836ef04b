//! `prometric organization`: which companies there are, and which of them are premium. A server may run meanwhile: it hears of
//! a change as it does of any other event.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use chrono::Utc;
use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use commands::{Actor, Context, Executor};
use domain::{
    id::{OrganizationId, WorkspaceId},
    identity::organization::{self, OrganizationCommand},
};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum Organization {
    /// All of them, a line each: id, BIN, whether it is premium, name.
    List(List),
    /// Premium organizations may ask more often (RATE_LIMIT_PREMIUM).
    Premium(Premium),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Premium {
    organization: Uuid,
    #[arg(value_enum)]
    premium: Switch,
    /// Who decides.
    #[arg(long = "as", env = "USER", value_parser = NonEmptyStringValueParser::new())]
    who: String,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

pub async fn run(organization: Organization) -> Result<(), Failure> {
    match organization {
        Organization::List(list) => list.run().await,
        Organization::Premium(premium) => premium.run().await,
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let (_, pool) = open_store(&self.store).await?;
        let all = "select id, bin, premium, name from platform.organizations order by created_at, id";
        let all = sqlx::query_as::<_, (Uuid, String, bool, String)>(all);
        for (id, bin, premium, name) in all.fetch_all(&pool).await? {
            let premium = if premium { "premium" } else { "-" };
            tell(format_args!("{id} {bin} {premium} {name}"))?;
        }
        Ok(())
    }
}

impl Premium {
    async fn run(self) -> Result<(), Failure> {
        let (log, _) = open_store(&self.store).await?;
        let context = Context::new(WorkspaceId::PLATFORM, Actor::Operator(self.who), Utc::now());
        let premium = self.premium == Switch::On;
        let command = OrganizationCommand::SetPremium { premium };
        let id = OrganizationId::new(self.organization);
        let executor = Executor::new(log.clone());
        executor
            .execute::<organization::Organization>(id, &command, &context)
            .await?;
        log.farewell().await?;
        let is = if premium { "premium" } else { "not premium" };
        Ok(tell(format_args!("organization {id} is {is}"))?)
    }
}
