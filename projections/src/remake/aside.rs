//! A workspace's read models at a moment under a name, for somebody to ask by SQL: an auditor, with a role that may read them and
//! nothing else. They stay until they are dropped by command.

use super::{Beside, Builder, Progress, Tables};
use crate::{past::Moment, runner::Projections, schema, table::ProjectError};
use domain::id::WorkspaceId;
use sqlx::AssertSqlSafe;

/// The longest name.
pub const NAME_MAX: usize = 40;

impl Projections {
    /// Makes the copy `copy_{name}`, and a role of the same name that signs in with the password and may read it.
    pub async fn set_aside(
        &self,
        workspace: WorkspaceId,
        moment: Moment,
        name: &str,
        password: &str,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), ProjectError> {
        let name = checked(name)?;
        let live = self.0.schema_to_remake(workspace).await?;
        let mut builder = Builder::open(&self.0.pool).await?;
        builder.sweep().await?;
        if schema::exists(&mut builder.connection, &name).await? {
            return Err(ProjectError::CopyTaken(name));
        }
        let beside = Beside {
            workspace: workspace.into(),
            live,
            name: name.clone(),
            tables: Tables::all(),
        };
        builder.begin(&beside).await?;
        builder.fill(&self.0, &beside, moment.position, told).await?;
        let password: String = password.chars().filter(char::is_ascii_alphanumeric).collect();
        let grant = format!(
            "comment on schema {name} is 'prometric copy of {workspace} at {position}'; \
             create role {name} login password '{password}'; alter role {name} set default_transaction_read_only = on; \
             alter role {name} set search_path = {name}, reading; \
             grant usage on schema {name} to {name}; grant select on all tables in schema {name} to {name}",
            position = moment.position
        );
        let granted = sqlx::raw_sql(AssertSqlSafe(grant))
            .execute(&mut builder.connection)
            .await;
        if granted.is_err() {
            builder.discard(&name).await?;
        }
        granted?;
        Ok(())
    }

    /// Drops it and its role.
    pub async fn drop_aside(&self, name: &str) -> Result<(), ProjectError> {
        let name = checked(name)?;
        let kept = sqlx::query_scalar("select obj_description(to_regnamespace($1)::oid, 'pg_namespace')");
        let kept: Option<String> = kept.bind(&name).fetch_one(&self.0.pool).await?;
        if !kept.is_some_and(|comment| comment.starts_with("prometric copy of ")) {
            return Err(ProjectError::NoCopy(name));
        }
        let drop = format!("drop schema {name} cascade; drop role if exists {name}");
        let mut builder = Builder::open(&self.0.pool).await?;
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut builder.connection)
            .await?;
        Ok(())
    }
}

/// The schema's name: it needs no quotes.
fn checked(name: &str) -> Result<String, ProjectError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(plain) {
        true => Ok(format!("copy_{name}")),
        false => Err(ProjectError::CopyName(name.to_owned())),
    }
}
