//! Which workspace a command is about: the one it names, the one that has the thing it names, or the only one there is.

use super::Failure;
use clap::Args;
use log::Log;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, Args)]
pub struct Whose {
    /// The workspace. Need not be said where the thing's id tells, or where there is only one.
    #[arg(long)]
    pub workspace: Option<Uuid>,
}

impl Whose {
    pub async fn only(self, log: &Log) -> Result<Uuid, Failure> {
        if let Some(workspace) = self.workspace {
            return Ok(workspace);
        }
        let mut all = log.mentioned().await?;
        all.retain(|workspace| !workspace.is_nil()); // the platform's own
        match *all.as_slice() {
            [workspace] => Ok(workspace),
            [] => Err("there is no workspace yet".into()),
            _ => Err(format!("there are {} workspaces: say which one, --workspace ID", all.len()).into()),
        }
    }

    pub async fn with(self, log: &Log, stream: Uuid) -> Result<Uuid, Failure> {
        if let Some(workspace) = self.workspace {
            return Ok(workspace);
        }
        match *log.having(stream).await?.as_slice() {
            [workspace] => Ok(workspace),
            _ => self.only(log).await,
        }
    }
}
