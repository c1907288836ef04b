//! The log for clients of EventStoreDB (`GRPC_PORT`; [`eventstoredb`] speaks, this says who may hear). A workspace is a database:
//! which one, the account decides, for those clients cannot name one. Reading all that happened is `AUDIT_VIEW`, as in the audit;
//! personal values are told as they are stored, as on NATS, but to who may take out what is known of a person. What outside systems
//! append is a command like all others (`domain::external`).

use crate::{
    extract::{Caller, SignedIn},
    identity::{normal_email, password},
    problem::{Code, Problem},
    serve::ServeError,
    state::App,
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use clap::Args;
use commands::{Context, Error};
use domain::{
    Aggregate, Fact, Permission,
    external::{self, Appended, Encoding, External, ExternalCommand, ExternalEvent, ExternalRejection},
    fact,
    id::ExternalId,
};
use eventstoredb::{
    Bell, Credentials, Expected, Groups, Guest, House, Message, NotWritten, Proposed, Refusal, Right, Settings, Shown,
    Tls, Written,
};
use log::{ConsumerError, Log, Recorded, chain};
use moka::sync::Cache;
use projections::platform;
use sqlx::PgPool;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::net::TcpListener;
use uuid::Uuid;

/// What tells a machine's key from a password.
const KEY: &str = crate::identity::api_key::PREFIX;
/// How long a password that was right is not asked again: each request brings it, and to check it costs a third of a second.
const REMEMBERED: Duration = Duration::from_secs(60);
const REMEMBERED_MAX: u64 = 10_000;

#[derive(Debug, Clone, Args)]
pub struct Grpc {
    /// Where clients of EventStoreDB find the log; 2113 is what they expect. Without it there is none.
    #[arg(long, env = "GRPC_PORT")]
    pub grpc_port: Option<u16>,
    /// What those clients are told that the server is called, when they look for a cluster.
    #[arg(long, env = "GRPC_HOST", value_name = "NAME", default_value = "127.0.0.1")]
    pub grpc_host: String,
    /// The server's certificate and those between, in PEM. Without it the port speaks in the clear.
    #[arg(long, env = "GRPC_CERTIFICATE", value_name = "FILE", requires = "grpc_key")]
    pub grpc_certificate: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, env = "GRPC_KEY", value_name = "FILE", requires = "grpc_certificate")]
    pub grpc_key: Option<PathBuf>,
    /// Authorities, in PEM, whose certificates say which user a client is: by their common name, the user's e-mail.
    #[arg(long, env = "GRPC_AUTHORITIES", value_name = "FILE", requires = "grpc_certificate")]
    pub grpc_authorities: Option<PathBuf>,
}

impl Grpc {
    fn tls(&self) -> io::Result<Option<Tls>> {
        match (&self.grpc_certificate, &self.grpc_key) {
            (Some(certificate), Some(key)) => Tls::read(certificate, key, self.grpc_authorities.as_deref()).map(Some),
            _ => Ok(None),
        }
    }
}

/// Serves the log, if there is a port for it.
pub async fn start(app: &App) -> Result<(), ServeError> {
    let settings = &app.config.grpc;
    let Some(port) = settings.grpc_port else {
        return Ok(());
    };
    let tls = settings.tls().map_err(ServeError::Grpc)?;
    let address = SocketAddr::new(app.config.host, port);
    let listener = TcpListener::bind(address).await.map_err(ServeError::Grpc)?;
    let bell = Arc::new(Bell::new(app.log.clone()));
    app.follow(bell.clone(), 1);
    let entrance = Arc::new(Entrance::new(app.clone()));
    let groups = Groups::open(entrance.clone(), bell.clone(), (settings.grpc_host.clone(), port)).await?;
    let groups = Arc::new(groups);
    app.follow(groups.clone(), 1);
    let settings = Settings {
        host: settings.grpc_host.clone(),
        connections: app.config.edge.connections_max as usize,
        tls,
    };
    let serving = eventstoredb::serve(listener, entrance, bell, groups, settings);
    app.consumers.keep(tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(error = %chain(&error), "the log is not served to clients of EventStoreDB any more");
        }
    }));
    tracing::info!(%address, "the log is served to clients of EventStoreDB");
    Ok(())
}

/// Lets in, and shows.
struct Entrance {
    app: App,
    /// By a keyed hash of name and password.
    remembered: Cache<[u8; 32], SignedIn>,
}

/// Somebody in their workspace.
#[derive(Clone)]
struct Reader(Caller);

impl Guest for Reader {
    fn workspace(&self) -> Uuid {
        self.0.workspace.id
    }

    fn may(&self, right: Right) -> Result<(), &'static str> {
        let permission = match right {
            Right::Read => Permission::AuditView,
            Right::OpenPersonal => Permission::PrivacyExport,
            Right::Append => Permission::ExternalAppend,
            Right::Groups => Permission::OperationsUpdate,
        };
        match self.0.standing.may(permission) {
            true => Ok(()),
            false => Err(permission.code()),
        }
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

#[async_trait]
impl House for Entrance {
    type Guest = Reader;

    fn log(&self) -> &Log {
        &self.app.log
    }

    fn pool(&self) -> &PgPool {
        &self.app.pool
    }

    async fn admit(&self, credentials: &Credentials, from: Option<IpAddr>) -> Result<Reader, Refusal> {
        let caller = match credentials {
            Credentials::Bearer(token) => Caller::of_token(&self.app, token, from).await,
            // Clients that know names and passwords only: the key is the password, whatever the name.
            Credentials::Basic { password, .. } if password.starts_with(KEY) => {
                Caller::of_token(&self.app, password, from).await
            }
            Credentials::Basic { user, password } => self.by_password(user, password, from).await,
            Credentials::Certificate { name, until } => return self.by_certificate(name, *until).await.map(Reader),
        };
        caller.map(Reader).map_err(|problem| refusal(&problem))
    }

    fn show(&self, event: &Recorded, open: bool) -> Result<Shown, ConsumerError> {
        if event.category == External::NAME {
            return appended(event);
        }
        let data = match open {
            true => fact::category(&event.category)?
                .plain(&event.event_type, &event.data)?
                .into_owned(),
            false => event.data.clone(),
        };
        Ok(Shown {
            stream: format!("{}-{}", event.category, event.stream_id),
            event_type: event.event_type.clone(),
            id: event.event_id,
            content_type: "application/json".to_owned(),
            data: data.into_bytes(),
            metadata: event.metadata.clone().into_bytes(),
        })
    }

    fn external(&self, name: &str) -> Uuid {
        ExternalId::of(name).into()
    }

    async fn append(&self, guest: &Reader, from: Option<IpAddr>, proposed: Proposed) -> Result<Written, NotWritten> {
        let (Reader(caller), id) = (guest, ExternalId::of(&proposed.stream));
        let mut context = Context::new(caller.workspace_id(), caller.actor(), Utc::now());
        context.client_address = from.map(|address| address.to_string());
        let last = proposed.messages.last().map(|message| message.id);
        let command = ExternalCommand::Append {
            expected: expected(proposed.expected),
            events: proposed
                .messages
                .into_iter()
                .map(|message| kept(&proposed.stream, message))
                .collect(),
        };
        let done = self.app.executor.execute::<External>(id, &command, &context).await;
        let done = done.map_err(not_written)?;
        if !done.events.is_empty() {
            return Ok(Written {
                revision: u64::try_from(done.version - 1).ok(),
                position: done.position,
            });
        }
        self.written_before(caller, id, last, done.position).await
    }
}

/// What an outside system appended, as it came.
fn appended(event: &Recorded) -> Result<Shown, ConsumerError> {
    let category = fact::category(&event.category)?;
    let Fact::External(ExternalEvent::Appended(appended)) =
        category.decode(&event.event_type, event.schema, &event.data)?
    else {
        return Err("an event of another category stands in an external stream".into());
    };
    let bytes = |text: String| match appended.encoding {
        Encoding::Text => Ok(text.into_bytes()),
        Encoding::Base64 => STANDARD.decode(text),
    };
    Ok(Shown {
        stream: appended.stream,
        event_type: appended.event_type,
        id: appended.event_id,
        content_type: appended.content_type,
        data: bytes(appended.data)?,
        metadata: bytes(appended.metadata)?,
    })
}

/// As text where both are that, for people who look at the log. What looks like a personal value of ours is none: it is never
/// taken for one.
fn kept(stream: &str, message: Message) -> Appended {
    let is_plain = |bytes: &[u8]| {
        let text = str::from_utf8(bytes);
        text.is_ok_and(|text| !text.contains('\0') && !text.contains("$person"))
    };
    let encoding = match is_plain(&message.data) && is_plain(&message.metadata) {
        true => Encoding::Text,
        false => Encoding::Base64,
    };
    let text = |bytes: Vec<u8>| match encoding {
        Encoding::Text => String::from_utf8_lossy(&bytes).into_owned(),
        Encoding::Base64 => STANDARD.encode(bytes),
    };
    Appended {
        stream: stream.to_owned(),
        event_id: message.id,
        event_type: message.event_type,
        content_type: message.content_type,
        encoding,
        data: text(message.data),
        metadata: text(message.metadata),
    }
}

fn expected(expected: Expected) -> external::Expected {
    match expected {
        Expected::Any => external::Expected::Any,
        Expected::NoStream => external::Expected::NoStream,
        Expected::StreamExists => external::Expected::StreamExists,
        Expected::Revision(revision) => external::Expected::Revision(revision),
    }
}

fn not_written(error: Error<ExternalRejection>) -> NotWritten {
    match error {
        Error::Rejected(ExternalRejection::StandsElsewhere { length }) => NotWritten::WrongExpectedVersion {
            current: length.checked_sub(1),
        },
        Error::Forbidden(permission) => NotWritten::Forbidden(format!("{permission} is missing")),
        Error::Limit { what, max } => NotWritten::Invalid(format!("{what} exceeds {max}")),
        Error::Unstorable(_) => NotWritten::Invalid("it cannot be stored".to_owned()),
        error => {
            tracing::warn!(error = %chain(&error), "an outside system could not append");
            NotWritten::Unavailable("the log cannot be written to just now".to_owned())
        }
    }
}

impl Entrance {
    fn new(app: App) -> Self {
        Self {
            app,
            remembered: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED)
                .build(),
        }
    }

    /// What a repeat is told: where the first one's last event stands.
    async fn written_before(
        &self,
        caller: &Caller,
        id: ExternalId,
        last: Option<Uuid>,
        position: i64,
    ) -> Result<Written, NotWritten> {
        let away = |_| NotWritten::Unavailable("the log cannot be read just now".to_owned());
        let workspace = caller.workspace_id();
        let stream = self
            .app
            .executor
            .look::<External, ExternalRejection>(workspace, id)
            .await;
        let stream = stream.map_err(not_written)?.state;
        let revision = last
            .and_then(|last| stream.revision(last))
            .or(stream.length().checked_sub(1));
        let Some(before) = revision.and_then(|revision| i64::try_from(revision).ok()?.checked_add(2)) else {
            return Ok(Written { revision, position });
        };
        let log = &self.app.log;
        let stands = log
            .latest_of_stream(workspace.into(), id.into(), Some(before), 1)
            .await
            .map_err(away)?;
        Ok(Written {
            revision,
            position: stands.first().map_or(position, |event| event.position),
        })
    }

    /// Somebody whom an authority of the operator's vouches for. It stands for a password, and for nothing more than that. A subscription
    /// asks again and again, and ends with the certificate.
    async fn by_certificate(&self, name: &str, until: SystemTime) -> Result<Caller, Refusal> {
        let refused = |why: &str| Refusal::Unauthenticated(format!("the certificate of {name:?} {why}"));
        if DateTime::<Utc>::from(until) < Utc::now() {
            return Err(refused("has expired"));
        }
        let user = platform::user_by_email(&self.app.pool, &normal_email(name)).await;
        let user = user.map_err(|error| refusal(&error.into()))?;
        let Some(user) = user.filter(|user| user.verified) else {
            return Err(refused("names no user here: its common name must be one's e-mail"));
        };
        let caller = async {
            self.demand_no_more(user.id).await?;
            Caller::at_home(&self.app, &self.person(user.id).await?).await
        };
        caller.await.map_err(|problem| refusal(&problem))
    }

    /// Who has a second factor brings a token or a key: there is no place for a code.
    async fn demand_no_more(&self, user_id: Uuid) -> Result<(), Problem> {
        match crate::identity::second_factor::is_on(&self.app.pool, user_id).await? {
            true => Err(Problem::unauthorized().because("second_factor.required")),
            false => Ok(()),
        }
    }

    async fn by_password(&self, user: &str, password: &str, from: Option<IpAddr>) -> Result<Caller, Problem> {
        let person = self.sign_in(user, password, from).await?;
        Caller::at_home(&self.app, &person).await
    }

    /// Somebody by e-mail and password, slowed down like everybody who signs in. A password that was right is remembered with what is
    /// stored of it, so that another one counts at once.
    async fn sign_in(&self, user: &str, password: &str, from: Option<IpAddr>) -> Result<SignedIn, Problem> {
        let app = &self.app;
        let account = normal_email(user);
        let user = platform::user_by_email(&app.pool, &account)
            .await?
            .filter(|user| user.verified);
        let stored = match &user {
            Some(user) => password::load(&app.pool, user.id).await?,
            None => None,
        };
        let known = stored.as_deref().unwrap_or_default();
        let remembered = app
            .pepper
            .tag("grpc", &[account.as_bytes(), password.as_bytes(), known.as_bytes()]);
        if let Some(person) = self.remembered.get(&remembered) {
            return Ok(person);
        }
        let client = from.map(|address| address.to_string()).unwrap_or_default();
        let entrance = app
            .door
            .enter(app.pepper.tag("account", &[account.as_bytes()]), &client);
        let entrance = entrance.map_err(|wait| Problem::slowed("sign_in.slowed", wait))?;
        let right = app.passwords.verify(entrance.who, password.to_owned(), stored).await?;
        let Some(user) = user.filter(|_| right) else {
            entrance.wrong();
            return Err(Problem::new(Code::AuthInvalidCredentials));
        };
        self.demand_no_more(user.id).await?;
        entrance.right();
        let person = self.person(user.id).await?;
        self.remembered.insert(remembered, person);
        Ok(person)
    }

    /// A user who has said who they are.
    async fn person(&self, user_id: Uuid) -> Result<SignedIn, Problem> {
        let homes = platform::memberships(&self.app.pool, user_id).await?;
        Ok(SignedIn {
            user_id: user_id.into(),
            default_workspace: homes.first().map(|(workspace, _)| workspace.id),
            session: None,
            second_factor: false,
        })
    }
}

fn refusal(problem: &Problem) -> Refusal {
    let why = problem.reason().unwrap_or(problem.code().as_str()).to_owned();
    match problem.code() {
        Code::AuthForbidden | Code::NotFound => Refusal::Forbidden(why),
        Code::AuthInvalidCredentials | Code::AuthTokenExpired | Code::AuthUnauthorized => Refusal::Unauthenticated(why),
        _ => Refusal::Unavailable(why),
    }
}
