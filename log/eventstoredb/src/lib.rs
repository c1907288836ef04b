//! **keeps, for others.** The log served by the protocol of EventStoreDB (gRPC, `event_store.client.*`), so that its clients read
//! and follow a workspace unchanged. A crate of its own: what it needs (tonic, prost) burdens neither `domain` nor `log`.

mod admit;
mod append;
mod bell;
mod certificate;
mod connection;
mod event;
mod features;
mod filter;
mod groups;
mod house;
mod pages;
mod protocol;
mod read;
mod stream;
mod streams;

pub use bell::Bell;
pub use groups::Groups;
pub use house::{
    Credentials, EXTERNAL, Expected, Guest, House, Message, NotWritten, Proposed, Refusal, Right, Shown, Written,
};

use axum::middleware::from_fn_with_state;
use connection::{BEGIN_WITHIN, accepted};
use features::{Features, Member};
use groups::Served;
use protocol::event_store::client::{
    gossip::gossip_server::GossipServer,
    persistent_subscriptions::persistent_subscriptions_server::PersistentSubscriptionsServer,
    server_features::server_features_server::ServerFeaturesServer, streams::streams_server::StreamsServer,
};
use std::{fs, io, path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Certificate, Identity, Server, ServerTlsConfig},
};
use uuid::Uuid;

/// What a client may send at once: a part of an append; a reading with its filter.
const APPEND_MAX: usize = 4 << 20;
const REQUEST_MAX: usize = 1 << 17;
/// The one method beside those that append.
const READ: &str = "/event_store.client.streams.Streams/Read";
/// Requests under way on one connection, subscriptions among them.
const STREAMS_MAX: u32 = 1_000;
const HEADERS_MAX: u32 = 16 << 10;
/// A client that answers no ping is gone.
const PING_EVERY: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// How the server is reached.
pub struct Settings {
    /// What clients are told that it is called.
    pub host: String,
    /// At once; further ones wait.
    pub connections: usize,
    /// Certificate and key in PEM; without them it speaks in the clear.
    pub tls: Option<Tls>,
}

pub struct Tls {
    identity: Identity,
    /// Whose certificates say who a client is.
    authorities: Option<Certificate>,
}

impl Tls {
    /// From files of PEM.
    pub fn read(certificate: &Path, key: &Path, authorities: Option<&Path>) -> io::Result<Self> {
        let authorities = authorities.map(fs::read).transpose()?;
        if let Some(pem) = &authorities {
            certificate::check_authorities(pem)?;
        }
        Ok(Self {
            identity: Identity::from_pem(fs::read(certificate)?, fs::read(key)?),
            authorities: authorities.map(Certificate::from_pem),
        })
    }

    /// Who brings no certificate brings something else.
    fn config(self) -> ServerTlsConfig {
        let config = ServerTlsConfig::new().identity(self.identity).timeout(BEGIN_WITHIN);
        match self.authorities {
            Some(authorities) => config.client_ca_root(authorities).client_auth_optional(true),
            None => config,
        }
    }
}

/// Serves until dropped.
pub async fn serve<H: House>(
    listener: TcpListener,
    house: Arc<H>,
    bell: Arc<Bell>,
    groups: Arc<Groups<H>>,
    settings: Settings,
) -> Result<(), tonic::transport::Error> {
    let member = Member {
        id: Uuid::now_v7(),
        host: settings.host,
        port: listener.local_addr().map_or(0, |address| address.port()),
    };
    let streams = Arc::new(streams::Served::new(house.clone(), bell));
    let reading = StreamsServer::from_arc(streams.clone()).max_decoding_message_size(REQUEST_MAX);
    let routes = Routes::new(StreamsServer::from_arc(streams).max_decoding_message_size(APPEND_MAX))
        .add_service(PersistentSubscriptionsServer::new(Served(groups)).max_decoding_message_size(REQUEST_MAX))
        .add_service(ServerFeaturesServer::new(Features).max_decoding_message_size(REQUEST_MAX))
        .add_service(GossipServer::new(member).max_decoding_message_size(REQUEST_MAX))
        .into_axum_router()
        .route_service(READ, reading)
        .layer(from_fn_with_state(house, admit::admit::<H>));
    let mut server = Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADERS_MAX)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PONG_WITHIN));
    if let Some(tls) = settings.tls {
        server = server.tls_config(tls.config())?;
    }
    server
        .add_routes(Routes::from(routes))
        .serve_with_incoming(accepted(listener, settings.connections))
        .await
}
