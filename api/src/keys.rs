//! `prometric keys`: what an operator does with the keys of personal data. A server may run meanwhile.

use crate::{
    config::Keys,
    serve::{ServeError, open_store},
};

pub async fn run(keys: Keys) -> Result<(), ServeError> {
    match keys {
        Keys::Rotate { store } => {
            let (log, _) = open_store(&store).await?;
            let rotated = log.rotate_master_key().await?;
            tracing::info!(rotated, "every key is wrapped by the first master key");
        }
        Keys::Erase {
            workspace,
            person,
            store,
        } => {
            let (log, _) = open_store(&store).await?;
            log.erase_person(workspace, person).await?;
            tracing::info!(%workspace, %person, "the person's key is destroyed");
        }
    }
    Ok(())
}
