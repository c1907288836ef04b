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
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Log {
    /// Moves it; the parts that were put away are read from `folder`. When it fails it is open here again, and there closed.
    pub async fn move_to(&self, there: &Self, workspace: Uuid, folder: Option<&Path>) -> Result<Report, MoveError> {
        if there.head(workspace).await? > 0 && !epoch::is_closed(there, workspace).await? {
            return Err(MoveError::Lives { workspace });
        }
        there.close(workspace).await?;
        self.close(workspace).await?;
        match self.arrive(there, workspace, folder).await {
            Ok(report) => {
                there.reopen(workspace).await?;
                Ok(report)
            }
            Err(error) => {
                self.reopen(workspace).await?;
                Err(error)
            }
        }
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
            self.copy_to(there, workspace, folder).await?;
        }
        self.compare(there, workspace, folder).await
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
