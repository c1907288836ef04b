//! Heads on a schedule: where each workspace stands that has moved is signed, kept in a table, told to NATS, and shown to
//! witnesses. Of all nodes one does it at a time.

use crate::{
    identity::secrets,
    operator::{Failure, audit::keys},
    state::App,
    witness::{
        Shown,
        client::{Witness, WitnessError},
        tls::TlsError,
        wire::{self, Trust},
    },
};
use clap::Args;
use log::{
    chain,
    keeping::{Path, ProveError, PublicKey, Receipt, SignedHead, Signer},
    migrate::Migration,
};
use sqlx::{PgPool, types::Json};
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

const MIGRATIONS: &[Migration] = &[
    Migration::new("0007_heads", include_str!("../../migrations/platform/0007_heads.sql")),
    Migration::new(
        "0008_witness_keys",
        include_str!("../../migrations/platform/0008_witness_keys.sql"),
    ),
];
/// Outside of `prometric.>`, which holds events and nothing else.
const SUBJECT: &str = "prometric-heads";
/// How often a node asks whether it is time, at most.
const ASK: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Args)]
pub struct Heads {
    /// How often the heads of workspaces that have moved are signed: `15m`, `1h`. Without it none are but by `audit heads`.
    #[arg(long, env = "HEADS_EVERY", value_parser = crate::config::duration)]
    pub heads_every: Option<Duration>,
    /// Witnesses that they are shown to: URLs, with commas between them.
    #[arg(long, env = "WITNESSES", value_delimiter = ',', value_parser = wire::address)]
    pub witnesses: Vec<String>,
    #[command(flatten)]
    pub trust: Trust,
    /// The Ed25519 private key they are signed with, PKCS#8 in PEM; without one the database's own.
    #[arg(long, env = "HEADS_KEY", value_name = "FILE")]
    pub heads_key: Option<PathBuf>,
}

/// As it is kept.
struct Signed {
    head: SignedHead,
    previous: i64,
    path: Path,
}

/// Begins, if there is a schedule.
pub fn start(app: &App) -> Result<(), TlsError> {
    let heads = &app.config.heads;
    if let Some(every) = heads.heads_every {
        let witnesses = heads.trust.witnesses(&heads.witnesses)?;
        app.consumers.keep(tokio::spawn(keep(app.clone(), witnesses, every)));
    }
    Ok(())
}

async fn keep(app: App, witnesses: Vec<Witness>, every: Duration) {
    loop {
        tokio::time::sleep(ASK.min(every / 4)).await;
        let done = async {
            if app.log.takes_turn("heads", every).await? {
                sign_and_show(&app, &witnesses).await?;
            }
            Ok::<_, Failure>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(error = %chain(error.as_ref()), "heads are not signed; they will be");
        }
    }
}

async fn sign_and_show(app: &App, witnesses: &[Witness]) -> Result<(), Failure> {
    secrets::apply(&app.pool, MIGRATIONS).await?;
    let signer = match &app.config.heads.heads_key {
        Some(file) => keys::private_key(file)?,
        None => keys::own_key(&app.pool).await?,
    };
    for workspace in unsigned(app, &signer).await? {
        if let Err(error) = sign(app, workspace, &signer).await {
            tracing::error!(%workspace, error = %chain(error.as_ref()), "a head is not signed");
        }
    }
    for witness in witnesses {
        if let Err(error) = show_all(app, witness, &signer).await {
            tracing::warn!(error = %chain(error.as_ref()), "a witness is not shown the heads; it will be");
        }
    }
    Ok(())
}

/// Workspaces that stand elsewhere than this key has signed.
async fn unsigned(app: &App, signer: &Signer) -> Result<Vec<Uuid>, sqlx::Error> {
    let unsigned = "select h.workspace_id from log.heads h where h.position > 0 and not exists (select from platform.signed_heads s \
        where s.workspace_id = h.workspace_id and s.position = h.position and s.key_id = $1) order by 1";
    let unsigned = sqlx::query_scalar(unsigned).bind(signer.public_key().id().to_owned());
    unsigned.fetch_all(&app.pool).await
}

async fn sign(app: &App, workspace: Uuid, signer: &Signer) -> Result<(), Failure> {
    let Some(onward) = app.log.sign_onward(workspace, signer, None).await? else {
        return Ok(());
    };
    let keep = "insert into platform.signed_heads (workspace_id, position, key_id, head, previous, path) \
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    sqlx::query(keep)
        .bind(workspace)
        .bind(onward.head.position)
        .bind(&onward.head.key_id)
        .bind(Json(&onward.head))
        .bind(onward.previous)
        .bind(Json(&onward.path))
        .execute(&app.pool)
        .await?;
    if let Some(nats) = &app.nats {
        let head = serde_json::to_vec(&onward.head)?;
        nats.publish(format!("{SUBJECT}.{workspace}"), head.into()).await?;
    }
    Ok(())
}

/// Shows it the newest head of each workspace that it has signed no receipt for.
async fn show_all(app: &App, witness: &Witness, signer: &Signer) -> Result<(), Failure> {
    let newest = "select head, previous, path from (select distinct on (workspace_id) head, previous, path, workspace_id, position \
        from platform.signed_heads where key_id = $1 order by workspace_id, position desc) s where not exists \
        (select from platform.head_receipts r where r.witness = $2 and r.workspace_id = s.workspace_id and r.position = s.position)";
    let newest: Vec<(Json<SignedHead>, i64, Json<Path>)> = sqlx::query_as(newest)
        .bind(signer.public_key().id().to_owned())
        .bind(&witness.url)
        .fetch_all(&app.pool)
        .await?;
    for (Json(head), previous, Json(path)) in newest {
        let (workspace, position) = (head.workspace, head.position);
        let signed = Signed { head, previous, path };
        match show(app, witness, signer, signed).await? {
            Ok(receipt) => {
                let keep = "insert into platform.head_receipts (witness, workspace_id, position, receipt) \
                    values ($1, $2, $3, $4) on conflict do nothing";
                let keep = sqlx::query(keep).bind(&witness.url).bind(workspace).bind(position);
                keep.bind(Json(receipt)).execute(&app.pool).await?;
            }
            Err(refused) => {
                tracing::error!(%workspace, position, error = %chain(&refused), "a witness refuses a head");
            }
        }
    }
    Ok(())
}

/// A refusal concerns one workspace, anything else all of them.
async fn show(
    app: &App,
    witness: &Witness,
    signer: &Signer,
    signed: Signed,
) -> Result<Result<Receipt, WitnessError>, Failure> {
    let (maker, keys) = (signer.public_key(), [met(&app.pool, witness).await?]);
    let seen = witness.seen(maker.id(), signed.head.workspace, &keys).await?;
    let at = seen.map_or(0, |seen| seen.receipt.head.position);
    let shown = Shown {
        public_key: maker.to_pem()?,
        path: path_from(app, at, &signed).await?,
        head: signed.head,
    };
    match witness.show(&shown, &keys).await {
        Err(error @ WitnessError::Away { .. }) => Err(error.into()),
        told => Ok(told),
    }
}

/// The key that the witness was first met with, which is now when it never was.
async fn met(pool: &PgPool, witness: &Witness) -> Result<PublicKey, Failure> {
    let known = "select public_key from platform.witness_keys where witness = $1";
    let known: Option<String> = sqlx::query_scalar(known)
        .bind(&witness.url)
        .fetch_optional(pool)
        .await?;
    if let Some(known) = known {
        return Ok(PublicKey::from_pem(&known)?);
    }
    let key = witness.key().await?;
    let meet = "insert into platform.witness_keys (witness, public_key) values ($1, $2) on conflict do nothing";
    sqlx::query(meet)
        .bind(&witness.url)
        .bind(key.to_pem()?)
        .execute(pool)
        .await?;
    Ok(key)
}

/// The keys of all witnesses that were met, and the receipts they gave.
pub async fn witnessed(pool: &PgPool) -> Result<(Vec<PublicKey>, Vec<Receipt>), Failure> {
    secrets::apply(pool, MIGRATIONS).await?;
    let keys: Vec<String> = sqlx::query_scalar("select public_key from platform.witness_keys order by met_at")
        .fetch_all(pool)
        .await?;
    let keys: Result<Vec<PublicKey>, _> = keys.iter().map(|key| PublicKey::from_pem(key)).collect();
    let receipts = "select receipt from platform.head_receipts order by workspace_id, position, witness";
    let receipts: Vec<Json<Receipt>> = sqlx::query_scalar(receipts).fetch_all(pool).await?;
    Ok((keys?, receipts.into_iter().map(|Json(receipt)| receipt).collect()))
}

/// What leads from the head that the witness has: mostly that which was signed before. Otherwise the log is read, up to the
/// head in hand; to where nothing leads, nothing is shown to lead.
async fn path_from(app: &App, at: i64, signed: &Signed) -> Result<Path, ProveError> {
    if at == 0 || at >= signed.head.position {
        return Ok(Path::default());
    }
    if at == signed.previous {
        return Ok(signed.path.clone());
    }
    app.log.path_between(at, &signed.head, None).await
}
