//! A workspace moves to another database while its people wait for a moment: closed here, written out and taken in there at
//! the same time, closed there as well; held against each other; and opened there. Whatever stops it in between leaves it
//! closed on both sides or open on one: it is then moved again, or taken back.

use super::{ExportError, ImportError, Report, VerifyError, Walk, epoch};
use crate::Log;
use std::path::Path;
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, duplex};
use uuid::Uuid;

/// What is under way between the two databases.
const PIPE_BYTES: usize = 1 << 20;

/// Why it is not there.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("it cannot be written out")]
    Export(#[from] ExportError),
    #[error("it cannot be taken in there")]
    Import(#[from] ImportError),
    #[error("it is not whole")]
    Verify(#[from] VerifyError),
    #[error("workspace {workspace} is another one there: position {there} there, {here} here")]
    Differs { workspace: Uuid, here: i64, there: i64 },
    #[error("workspace {workspace} is there already, and open")]
    Lives { workspace: Uuid },
    #[error(
        "personal data is sealed under another master key there: give both databases one PERSONAL_KEYS_FILE, and rotate"
    )]
    MasterKeys,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Log {
    /// Moves it; the parts that were put away are read from `folder`. `settle` is what else has to be there before it is open.
    /// When it fails, or that does, it is open here again, and there closed.
    pub async fn move_to<E: From<MoveError>>(
        &self,
        there: &Self,
        workspace: Uuid,
        folder: Option<&Path>,
        settle: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<Report, E> {
        self.leave(there, workspace).await?;
        let arrived = async {
            let report = self.arrive(there, workspace, folder).await?;
            settle().await?;
            Ok::<Report, E>(report)
        };
        match arrived.await {
            Ok(report) => {
                there.reopen(workspace).await.map_err(MoveError::from)?;
                Ok(report)
            }
            Err(error) => {
                self.reopen(workspace).await.map_err(MoveError::from)?;
                Err(error)
            }
        }
    }

    /// Closes it on both sides.
    async fn leave(&self, there: &Self, workspace: Uuid) -> Result<(), MoveError> {
        if there.head(workspace).await? > 0 && !epoch::is_closed(there, workspace).await? {
            return Err(MoveError::Lives { workspace });
        }
        there.close(workspace).await?;
        Ok(self.close(workspace).await?)
    }

    /// It stays here after all; refused when anything was written there since.
    pub async fn take_back(&self, there: &Self, workspace: Uuid, folder: Option<&Path>) -> Result<(), MoveError> {
        there.close(workspace).await?;
        if there.head(workspace).await? > 0 {
            self.compare(there, workspace, folder).await?;
        }
        Ok(self.reopen(workspace).await?)
    }

    /// Closed on both sides; an earlier try may have come as far as this.
    async fn arrive(&self, there: &Self, workspace: Uuid, folder: Option<&Path>) -> Result<Report, MoveError> {
        if there.head(workspace).await? == 0 {
            self.carry_master_keys(there).await?;
            self.copy_to(there, workspace, folder).await?;
        }
        self.compare(there, workspace, folder).await
    }

    /// Keys of people come wrapped as they are here: one that stands in the database, because none was configured, goes along.
    async fn carry_master_keys(&self, there: &Self) -> Result<(), MoveError> {
        type Row = (String, Vec<u8>, Option<Vec<u8>>);
        let ours = "select id, fingerprint, secret from log.master_keys m where exists \
            (select from log.person_keys k where k.master_key = m.id)";
        let ours: Vec<Row> = sqlx::query_as(ours).fetch_all(&self.pool).await?;
        for (id, fingerprint, secret) in ours {
            let carry =
                "insert into log.master_keys (id, fingerprint, secret) values ($1, $2, $3) on conflict do nothing";
            let carry = sqlx::query(carry).bind(&id).bind(&fingerprint).bind(secret);
            carry.execute(&there.pool).await?;
            let theirs = sqlx::query_scalar("select fingerprint from log.master_keys where id = $1").bind(&id);
            let theirs: Option<Vec<u8>> = theirs.fetch_optional(&there.pool).await?;
            if theirs.is_some_and(|theirs| theirs != fingerprint) {
                return Err(MoveError::MasterKeys);
            }
        }
        Ok(())
    }

    async fn copy_to(&self, there: &Self, workspace: Uuid, folder: Option<&Path>) -> Result<(), MoveError> {
        let (mut output, input) = duplex(PIPE_BYTES);
        let export = async move {
            let exported = self.export(workspace, folder, &mut output).await;
            output.shutdown().await.ok();
            exported
        };
        let import = there.import(BufReader::new(input) as BufReader<DuplexStream>);
        let (exported, imported) = tokio::join!(export, import);
        // When the one side fails, the other only says that the file ends.
        match (exported, imported) {
            (Ok(_), Ok(_)) => Ok(()),
            (Err(error @ (ExportError::Unknown { .. } | ExportError::Head { .. } | ExportError::History(_))), _) => {
                Err(error.into())
            }
            (_, Err(error)) => Err(error.into()),
            (Err(error), Ok(_)) => Err(error.into()),
        }
    }

    /// Whole on both sides, and the same.
    async fn compare(&self, there: &Self, workspace: Uuid, folder: Option<&Path>) -> Result<Report, MoveError> {
        let (all, here_too) = (
            Walk::default(),
            Walk {
                folder,
                ..Walk::default()
            },
        );
        let (here, arrived) = tokio::try_join!(self.verify(workspace, &here_too), there.verify(workspace, &all))?;
        if (here.position, here.hash) != (arrived.position, arrived.hash) {
            return Err(MoveError::Differs {
                workspace,
                here: here.position,
                there: arrived.position,
            });
        }
        Ok(arrived)
    }
}
