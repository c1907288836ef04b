//! Files that may belong to nobody: those of an upload that is under way, or broke off, and those of pictures that were taken off. Each is noted before
//! anything is done, and looked at some time later: what its product does not show then is deleted, what it shows is left alone. No name is
//! given twice, so that nothing is put where something is being deleted.

use crate::{problem::Problem, state::App};
use commands::product;
use domain::{
    catalog::product::ImageFile,
    id::{ImageId, ProductId, WorkspaceId},
};
use log::chain;
use sqlx::{PgConnection, PgPool};
use std::time::Duration;
use uuid::Uuid;

/// How long an upload may take.
pub const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// How long a picture's file outlives it: a database that goes back to a backup so old finds it.
pub const REMOVED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often is looked; it costs one look into an index.
const LOOK: Duration = Duration::from_secs(5);
/// Before one that could not be deleted is looked at again.
const PAUSE: Duration = Duration::from_secs(15 * 60);

/// A picture's file in the store, and whose it may be.
#[derive(Debug, Clone)]
pub struct Stray {
    /// `{workspace}/{image}-{sha256}`: no two pictures are one file, and each says what its bytes must be.
    pub name: String,
    workspace_id: Uuid,
    product_id: Uuid,
    image_id: Uuid,
}

impl Stray {
    pub fn of(workspace: WorkspaceId, product: ProductId, file: &ImageFile) -> Self {
        Self {
            name: format!("{workspace}/{}-{}", file.image_id, file.sha256),
            workspace_id: workspace.uuid(),
            product_id: product.uuid(),
            image_id: file.image_id.uuid(),
        }
    }

    /// The name of the small one.
    pub fn thumbnail(&self) -> String {
        format!("{}-small", self.name)
    }

    /// It is looked at after that long.
    pub async fn note(&self, pool: &PgPool, after: Duration) -> Result<(), sqlx::Error> {
        let note = "insert into platform.stray_files (name, workspace_id, product_id, image_id, due_at) \
            values ($1, $2, $3, $4, log.clock() + $5 * interval '1 second') \
            on conflict (name) do update set due_at = excluded.due_at";
        let note = sqlx::query(note)
            .bind(&self.name)
            .bind(self.workspace_id)
            .bind(self.product_id)
            .bind(self.image_id)
            .bind(seconds(after));
        note.execute(pool).await.map(drop)
    }

    /// It is no stray: its product shows it. What cannot be written down now is found out later.
    pub async fn belongs(&self, pool: &PgPool) {
        if let Err(error) = self.forget(pool).await {
            tracing::warn!(%error, "a file that is no stray is still noted as one");
        }
    }

    async fn forget(&self, executor: impl sqlx::PgExecutor<'_>) -> Result<(), sqlx::Error> {
        let forget = sqlx::query("delete from platform.stray_files where name = $1").bind(&self.name);
        forget.execute(executor).await.map(drop)
    }

    /// Deletes its bytes, unless its product shows it.
    async fn sweep(&self, app: &App, held: &mut PgConnection) -> Result<(), Problem> {
        let (workspace, product) = (self.workspace_id.into(), self.product_id.into());
        if !product::shows(&app.executor, workspace, product, ImageId::new(self.image_id)).await? {
            app.files.delete(&self.name).await?;
            app.files.delete(&self.thumbnail()).await?;
        }
        Ok(self.forget(held).await?)
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Goes on until the server ends.
pub async fn keep(app: App) {
    loop {
        tokio::time::sleep(LOOK).await;
        loop {
            match one(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "stray files could not be looked for; they will");
                    break;
                }
            }
        }
    }
}

/// Looks at one that is due; false when there is none.
async fn one(app: &App) -> Result<bool, sqlx::Error> {
    let due = "select name, workspace_id, product_id, image_id from platform.stray_files where due_at < log.clock() \
        order by due_at limit 1 for update skip locked";
    let mut tx = app.pool.begin().await?;
    let found: Option<(String, Uuid, Uuid, Uuid)> = sqlx::query_as(due).fetch_optional(&mut *tx).await?;
    let Some((name, workspace_id, product_id, image_id)) = found else {
        return Ok(false);
    };
    let stray = Stray {
        name,
        workspace_id,
        product_id,
        image_id,
    };
    match stray.sweep(app, &mut tx).await {
        Ok(()) => tx.commit().await?,
        Err(problem) => {
            tracing::warn!(
                file = stray.name,
                reason = problem.reason(),
                "a stray file could not be looked after; it will"
            );
            tx.rollback().await?;
            stray.note(&app.pool, PAUSE).await?;
        }
    }
    Ok(true)
}
