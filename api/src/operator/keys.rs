//! `prometric keys`: what an operator does with the keys of personal data and of access tokens. A server may run meanwhile.

use crate::{
    config::Keys,
    identity::token,
    serve::{ServeError, open_store},
};

pub async fn run(keys: Keys) -> Result<(), ServeError> {
    match keys {
        Keys::Rotate { store } => {
            let (log, _) = open_store(&store).await?;
            let rotated = log.rotate_master_key().await?;
            tracing::info!(rotated, "every key is wrapped by the first master key");
        }
        Keys::RotateTokens { drop_others, store } => {
            let (_, pool) = open_store(&store).await?;
            let kid = token::rotate(&pool, drop_others).await?;
            tracing::info!(kid, drop_others, "access tokens are signed with a new key");
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
