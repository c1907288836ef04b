//! What is stored with every event besides its data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use uuid::Uuid;

/// A stream's identity. The id alone is unique in its workspace; the category says how to read its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream {
    pub category: &'static str,
    pub id: Uuid,
}

/// Who caused an event, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// `user:{id}`, `saga:{name}`, `operator:{name}` or `system`.
    pub actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<Uuid>,
    /// What the whole chain of events is about: the request or the process that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// The event or command that led directly to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<ClientAddress>,
    /// The trace that it is part of, as W3C Trace Context names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Where somebody wrote from: stored under the key of whoever it was. In the clear before it is appended, and in events of
/// before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClientAddress {
    Clear(String),
    Marked(Map<String, Value>),
}

impl ClientAddress {
    /// The address, unless it is sealed or was erased.
    pub fn shown(&self) -> Option<&str> {
        match self {
            Self::Clear(address) => Some(address),
            Self::Marked(mark) => mark.get("$value").and_then(Value::as_str),
        }
    }
}

/// Never the address: it may end in a log line.
impl fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAddress")
    }
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub workspace: Uuid,
    /// 1, 2, 3, … within the workspace.
    pub position: i64,
    pub category: String,
    pub stream_id: Uuid,
    /// 1, 2, 3, … within the stream.
    pub version: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub schema: i32,
    /// JSON, byte for byte as hashed.
    pub data: String,
    /// JSON, byte for byte as hashed.
    pub metadata: String,
    /// Never earlier than the event before it.
    pub recorded_at: DateTime<Utc>,
    pub hash: [u8; 32],
}

impl Recorded {
    /// The metadata decoded; what an old writer left out is empty.
    pub fn meta(&self) -> Metadata {
        serde_json::from_str(&self.metadata).unwrap_or_default()
    }
}

impl Metadata {
    /// The user who acts, if it is one.
    pub(crate) fn user(&self) -> Option<Uuid> {
        self.actor.strip_prefix("user:")?.parse().ok()
    }
}
