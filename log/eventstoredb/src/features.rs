//! How a client finds its way: what this server can do, and that it is a cluster of one. Nodes behind one address are one to
//! clients: any of them answers everything.

use crate::{
    event::Ids,
    protocol::event_store::client::{
        gossip::{ClusterInfo, EndPoint, MemberInfo, gossip_server::Gossip, member_info::VNodeState},
        server_features::{SupportedMethod, SupportedMethods, server_features_server::ServerFeatures},
    },
};
use async_trait::async_trait;
use chrono::Utc;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Of EventStoreDB, whose clients look at it before they use what came with it.
const VERSION: &str = "23.10.0";

const GROUPS: &str = "event_store.client.persistent_subscriptions.persistentsubscriptions";

pub struct Features;

#[async_trait]
impl ServerFeatures for Features {
    async fn get_supported_methods(&self, _: Request<()>) -> Result<Response<SupportedMethods>, Status> {
        let method = |service: &str, name: &str, features: &[&str]| SupportedMethod {
            method_name: name.to_owned(),
            service_name: service.to_owned(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        };
        let group = |name: &str| method(GROUPS, name, &["stream", "all"]);
        Ok(Response::new(SupportedMethods {
            methods: vec![
                method("event_store.client.streams.streams", "read", &["position", "events"]),
                method("event_store.client.streams.streams", "append", &[]),
                method(
                    "event_store.client.streams.streams",
                    "batchappend",
                    &["deadline_duration"],
                ),
                group("create"),
                group("update"),
                group("delete"),
                group("read"),
                group("getinfo"),
                group("replayparked"),
                group("list"),
                group("restartsubsystem"), // named, for clients ask for all five or for none; it is refused
                method("event_store.client.gossip.gossip", "read", &[]),
                method(
                    "event_store.client.server_features.serverfeatures",
                    "getsupportedmethods",
                    &[],
                ),
            ],
            event_store_server_version: VERSION.to_owned(),
        }))
    }
}

/// Where clients reach it.
pub struct Member {
    pub id: Uuid,
    pub host: String,
    pub port: u16,
}

#[async_trait]
impl Gossip for Member {
    async fn read(&self, _: Request<()>) -> Result<Response<ClusterInfo>, Status> {
        let member = MemberInfo {
            instance_id: Some(Ids::Structured.write(self.id)),
            time_stamp: Utc::now().timestamp_micros().saturating_mul(10),
            state: VNodeState::Leader.into(),
            is_alive: true,
            http_end_point: Some(EndPoint {
                address: self.host.clone(),
                port: u32::from(self.port),
            }),
        };
        Ok(Response::new(ClusterInfo { members: vec![member] }))
    }
}
