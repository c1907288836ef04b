//! The witness as a small HTTP server of its own, without a database.

use super::{
    PublishedKey, Refusal, Seen, Shown, Verdict,
    door::Door,
    store::{Outcome, Store, StoreError},
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::Listener,
};
use log::{
    chain,
    keeping::{PublicKey, Receipt, Signer},
};
use rustls::ServerConfig;
use std::{
    fmt::Debug,
    io,
    net::SocketAddr,
    path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task,
};
use uuid::Uuid;

/// A head with the longest path there can be is some 5 kB.
const BODY_MAX: usize = 16 << 10;

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the address cannot be served")]
    Listen(#[from] io::Error),
}

#[derive(Clone)]
struct Witness {
    store: Arc<Mutex<Store>>,
    /// Whose heads are kept; everybody's when empty.
    makers: Arc<Vec<PublicKey>>,
}

/// Serves until SIGINT or SIGTERM; through TLS where there is a certificate to show, else in the clear.
pub async fn serve(
    address: SocketAddr,
    folder: &path::Path,
    witness: Signer,
    makers: Vec<PublicKey>,
    shown: Option<ServerConfig>,
) -> Result<(), WitnessError> {
    let store = Store::open(folder, witness)?;
    let witness = Witness {
        store: Arc::new(Mutex::new(store)),
        makers: Arc::new(makers),
    };
    let router = Router::new()
        .route("/key", get(key))
        .route("/heads", post(show))
        .route("/heads/{key_id}/{workspace}", get(seen))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(witness);
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, sealed = shown.is_some(), "ready");
    match shown {
        Some(shown) => answer(Door::open(listener, shown)?, router).await,
        None => answer(listener, router).await,
    }
}

async fn answer<L: Listener<Addr: Debug>>(listener: L, router: Router) -> Result<(), WitnessError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await?;
    Ok(())
}

impl Witness {
    /// A poisoned lock guards what is written before it is changed.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn key(State(witness): State<Witness>) -> Result<Json<PublishedKey>, Response> {
    let key = witness.store().witness();
    PublishedKey::new(&key).map(Json).map_err(|error| broken(&error))
}

async fn seen(
    State(witness): State<Witness>,
    Path((key_id, workspace)): Path<(String, Uuid)>,
) -> Result<Json<Seen>, Response> {
    let seen = witness.store().seen(&key_id, workspace).cloned();
    let unknown = || {
        refuse(
            StatusCode::NOT_FOUND,
            "no head of that key and workspace was shown here",
            None,
        )
    };
    seen.map(Json).ok_or_else(unknown)
}

async fn show(
    State(witness): State<Witness>,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<Json<Receipt>, Response> {
    let Json(shown) = body.map_err(|error| refuse(StatusCode::BAD_REQUEST, error.body_text(), None))?;
    let bad = |error: String| refuse(StatusCode::BAD_REQUEST, error, None);
    let maker = PublicKey::from_pem(&shown.public_key).map_err(|error| bad(format!("publicKey: {error}")))?;
    if !witness.makers.is_empty() && !witness.makers.contains(&maker) {
        return Err(refuse(
            StatusCode::FORBIDDEN,
            "publicKey: heads of this key are not kept here",
            None,
        ));
    }
    let head = &shown.head;
    head.check(std::slice::from_ref(&maker))
        .map_err(|error| bad(format!("head: {error}")))?;
    if head.root.is_none() || head.position < 1 {
        return Err(bad(
            "head.root: a head without a tree cannot be shown to go on".to_owned()
        ));
    }
    let kept = task::spawn_blocking(move || witness.store().show(shown, &maker)).await;
    match kept.map_err(|error| broken(&error))?.map_err(|error| broken(&error))? {
        Outcome::Signed(receipt) => Ok(Json(receipt)),
        Outcome::Refused(verdict, latest) => Err(refuse(StatusCode::CONFLICT, verdict.why(), Some(latest))),
        Outcome::AnotherKey => Err(refuse(
            StatusCode::FORBIDDEN,
            "publicKey: another key has this id here",
            None,
        )),
    }
}

impl Verdict {
    fn why(self) -> &'static str {
        match self {
            Self::New | Self::Repeat => "it is as it should be",
            Self::Fork => "head: another one was shown for this position: its maker has signed two pasts",
            Self::Behind => "head.position: it is before the latest that was shown",
            Self::Unproved => "path: it does not lead from the latest head to this one",
        }
    }
}

fn refuse(status: StatusCode, error: impl Into<String>, latest: Option<Receipt>) -> Response {
    let error = error.into();
    (status, Json(Refusal { error, latest })).into_response()
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error = %chain(error), "the witness cannot answer");
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the witness cannot keep it now",
        None,
    )
}
