//! `prometric serve`: from a database that may not be up yet to a server that answers, and back down again.

use crate::{
    catalog::product::image,
    config::{Config, Rebuild, Store},
    edge::{
        conditional::Memory,
        connection,
        rate::{Rates, exchange},
        turns::Turns,
    },
    extract::BODIES_MAX,
    grpc, heads,
    identity::{
        api_key::known::Keys,
        certificate,
        door::Door,
        lapsing,
        members::Members,
        password::Passwords,
        policy::Policies,
        secrets::{self, Pepper},
        session::live::Sessions,
        token::Tokens,
    },
    imports,
    mail::{self, Mail, MailError},
    measure, people, privacy, relay,
    router::router,
    sales::quote::mailed,
    state::{App, Consumers, Parts},
    witness::tls::TlsError,
};
use commands::{Executor, Following};
use files::{FilesError, Pictures};
use log::{Fence, FenceError, KeyRing, Log, PersonalError, RingError, chain};
use metrics_exporter_prometheus::BuildError;
use projections::{ProjectError, Projections, Readers};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, Semaphore},
};
use trace::CannotSend;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

/// How long the database may take to come up.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a request waits for a connection before it hears that the store is away.
const CONNECTION_WAIT: Duration = Duration::from_secs(3);
/// How long open requests may take once we are told to end.
const GRACE: Duration = Duration::from_secs(5);
/// Before read models that could not be made anew are tried again.
const RENEW_PAUSE: Duration = Duration::from_secs(5);
/// Kinds of unique keys that were entered in the clear before they were kept as hashes.
const PERSONAL_CLAIMS: [&str; 4] = ["user.email", "user.username", "user.iin", "employee.email"];
/// Workspaces that one consumer serves at the same time.
const WORKERS: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
    #[error("the read models cannot be brought up to date")]
    ReadModels(#[from] ProjectError),
    #[error("{0} workspace{s} read models of another build, and --rebuild=refuse does not let them be made anew", s = if *.0 == 1 { " has" } else { "s have" })]
    Outdated(usize),
    #[error("the metrics cannot be installed")]
    Metrics(#[from] BuildError),
    #[error("mail cannot be sent")]
    Mail(#[from] MailError),
    #[error("the signing key cannot be used")]
    SigningKey(#[from] crate::identity::token::KeyError),
    #[error("PERSONAL_KEYS_FILE cannot be used")]
    KeyRing(#[from] RingError),
    #[error("the keys of people cannot be used")]
    Personal(#[from] PersonalError),
    #[error("SIGNATURE_ROOTS cannot be used")]
    Signatures(#[from] signature::RootsError),
    #[error("what tells of people who were erased cannot be folded anew")]
    Erased(#[from] privacy::SettleError),
    #[error("ERASURES_FILE cannot be used")]
    Fence(#[from] FenceError),
    #[error("LOG_ENGINE cannot be used")]
    Engine(#[from] cluster::AddressError),
    #[error("NATS_URL cannot be used")]
    Nats(#[from] async_nats::ConnectError),
    #[error("files cannot be kept")]
    Files(#[from] FilesError),
    #[error("witnesses cannot be spoken to")]
    Witnesses(#[from] TlsError),
    #[error("GRPC_PORT cannot be served")]
    Grpc(#[source] io::Error),
    #[error("the address cannot be served")]
    Listen(#[from] io::Error),
}

/// Log lines go to stderr; `RUST_LOG`, else `LOG`, says which. Spans go to their collector, if there is one.
pub fn log_to_stderr() -> Result<(), CannotSend> {
    let wanted = ["RUST_LOG", "LOG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    let filter = EnvFilter::new(wanted.as_deref().unwrap_or("info,sqlx=warn,async_nats=warn"));
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let lines = registry().with(lines.with_filter(filter));
    lines.with(trace::layer()?).init();
    Ok(())
}

pub async fn run(config: Config) -> Result<(), ServeError> {
    let address = SocketAddr::new(config.host, config.port);
    let app = assemble(config).await?;
    // Before anybody is served: whoever was erased while this database was away, or before it went back to a backup.
    privacy::settle(&app).await?;
    start_consumers(&app).await?;
    grpc::start(&app).await?;
    let listener = TcpListener::bind(address).await?;
    tracing::info!(%address, "ready");
    let served = answer(listener, app.clone()).await;
    app.consumers.stop().await;
    if let Err(error) = app.log.farewell().await {
        tracing::warn!(%error, "other nodes were not told of the last writes; they will look by themselves");
    }
    // A request that was cut off may still hold a connection.
    let closed = async { tokio::join!(app.pool.close(), app.reads.close()) };
    tokio::time::timeout(GRACE / 5, closed).await.ok();
    served
}

/// Connects, migrates, and puts the parts together.
pub async fn assemble(config: Config) -> Result<App, ServeError> {
    let (log, pool) = open_store(&config.store).await?;
    log.hash_claims(&PERSONAL_CLAIMS).await?;
    if config.rebuild == Rebuild::Refuse {
        nothing_to_remake(&pool).await?;
    }
    let projections = Projections::open(log.clone(), pool.clone()).await?;
    if config.rebuild == Rebuild::Wait {
        projections.renew(true).await?;
    }
    secrets::migrate(&pool).await?;
    people::migrate(&pool).await?;
    let pepper = Arc::new(Pepper::open(&pool).await?);
    let mail = Mail::new(config.smtp_url.as_deref(), config.mail_dir.clone())?;
    exchange::migrate(&pool).await?;
    privacy::migrate(&pool).await?;
    certificate::migrate(&pool).await?;
    imports::migrate(&pool).await?;
    mailed::migrate(&pool).await?;
    image::migrate(&pool).await?;
    let reads = open_reads(&config)?;
    let tokens = Tokens::open(&pool, config.jwt_expiration).await?;
    let nats = match &config.nats_url {
        Some(url) if !url.is_empty() => Some(
            async_nats::ConnectOptions::new()
                .name("prometric")
                .retry_on_initial_connect()
                .connect(url.as_str())
                .await?,
        ),
        _ => None,
    };
    Ok(App::new(Parts {
        executor: Executor::new(log.clone()).with_payment_days(config.payment_days),
        passwords: Passwords::new(config.is_limited()),
        door: Door::new(config.is_limited()),
        mail,
        signatures: config.signatures.verifier()?,
        consumers: Consumers::default(),
        metrics: measure::install()?,
        started: Instant::now(),
        rates: (config.rate_limits != "off").then(|| Rates::new(&config.edge)),
        reading: Turns::new(config.edge.reads_per_workspace, config.edge.turn_timeout),
        writing: Turns::new(config.edge.writes_per_workspace, config.edge.turn_timeout),
        bodies: Arc::new(Semaphore::new(BODIES_MAX)),
        shown: Memory::default(),
        files: config.storage.open()?,
        pictures: Pictures::default(),
        importing: Notify::new(),
        members: Members::new(pool.clone(), log.clone()),
        sessions: Sessions::new(pool.clone(), log.clone()),
        keys: Keys::new(pool.clone(), log.clone(), pepper.clone()),
        policies: Policies::new(pool.clone(), log.clone()),
        pepper,
        pool,
        reads,
        log,
        projections,
        config,
        tokens: Arc::new(tokens),
        nats,
    }))
}

async fn nothing_to_remake(pool: &PgPool) -> Result<(), ServeError> {
    match projections::outdated(pool).await?.len() {
        0 => Ok(()),
        outdated => Err(ServeError::Outdated(outdated)),
    }
}

/// The log, and the database it stands in.
pub async fn open_store(store: &Store) -> Result<(Log, PgPool), ServeError> {
    let options = store.database_url.parse::<PgConnectOptions>()?;
    let options = options.application_name("prometric");
    let pool = connect(log::limited(options.clone()), store.database_pool).await?;
    let mut log = match store.engine.open()? {
        None => Log::open(options, pool.clone()).await?,
        Some(engine) => Log::open_on(options, pool.clone(), engine).await?,
    };
    if let Some(file) = &store.personal_keys_file {
        log = log.with_master_keys(KeyRing::read(file)?).await?;
    }
    if let Some(folder) = &store.archive_dir {
        log = log.with_archive(folder.clone());
    }
    if let Some(file) = &store.erasures_file {
        let (fenced, back) = log.fenced(Fence::open(file).await?).await?;
        if !back.is_empty() {
            tracing::warn!(
                people = back.len(),
                "keys that were destroyed had come back, and were destroyed again"
            );
        }
        log = fenced;
    }
    Ok((log, pool))
}

/// What reads for requests: a few connections of its own, that write nothing and give up soon.
fn open_reads(config: &Config) -> Result<Readers, sqlx::Error> {
    let timeout = format!("{}ms", config.edge.read_timeout.as_millis());
    let limits = [
        ("statement_timeout", timeout.as_str()),
        ("lock_timeout", timeout.as_str()),
    ];
    let options = config.store.database_url.parse::<PgConnectOptions>()?;
    let options = options.application_name("prometric reads").options(limits);
    Ok(Readers::new(options, config.edge.read_pool, CONNECTION_WAIT))
}

/// Everything on this node that follows the log or looks after it.
pub async fn start_consumers(app: &App) -> Result<(), ServeError> {
    app.follow(Arc::new(Following::new(app.executor.clone())), WORKERS);
    app.follow(app.projections.consumer(), WORKERS);
    if app.config.rebuild == Rebuild::Background {
        app.consumers.keep(tokio::spawn(renew(app.projections.clone())));
    }
    app.follow(sagas::open(app.executor.clone(), app.pool.clone()).await?, WORKERS);
    app.mail.start(app)?;
    relay::start(app);
    heads::start(app)?;
    let tokens = app.tokens.clone();
    app.consumers
        .keep(tokio::spawn(async move { tokens.keep_fresh().await }));
    let sweeping = app.log.clone().keep_sweeping(app.config.command_retention);
    app.consumers.keep(tokio::spawn(sweeping));
    app.consumers.keep(tokio::spawn(exchange::keep(app.clone())));
    app.consumers.keep(tokio::spawn(lapsing::keep(app.pool.clone())));
    app.consumers.keep(tokio::spawn(mail::failed::keep(app.clone())));
    app.consumers.keep(tokio::spawn(privacy::keep(app.clone())));
    app.consumers.keep(tokio::spawn(imports::keep(app.clone())));
    app.consumers.keep(tokio::spawn(image::stray::keep(app.clone())));
    Ok(())
}

/// Makes anew what another build made, workspace by workspace, while the others are served.
async fn renew(projections: Projections) {
    while let Err(error) = projections.renew(false).await {
        tracing::error!(error = %chain(&error), "read models could not be made anew");
        tokio::time::sleep(RENEW_PAUSE).await;
    }
}

/// Until SIGINT or SIGTERM; then open requests have a little while to end.
async fn answer(listener: TcpListener, app: App) -> Result<(), ServeError> {
    let (told, mut ending) = tokio::sync::watch::channel(false);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("ending");
        told.send(true).ok();
    });
    let mut graceful = ending.clone();
    let server = connection::serve(listener, app.clone(), router(app), async move {
        graceful.wait_for(|told| *told).await.ok();
    });
    let patience = async move {
        ending.wait_for(|told| *told).await.ok();
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = server => {}
        () = patience => {}
    }
    Ok(())
}

async fn connect(options: PgConnectOptions, connections: u32) -> Result<PgPool, sqlx::Error> {
    let began = Instant::now();
    loop {
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(5))
            .acquire_timeout(CONNECTION_WAIT);
        match pool.connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(error) if began.elapsed() > DATABASE_PATIENCE => return Err(error),
            Err(error) => tracing::warn!(%error, "the database does not answer yet"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
