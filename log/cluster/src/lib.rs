//! A cluster of EventStoreDB (KurrentDB) as the log's engine. Each workspace is a stream, `{prefix}{workspace}`; its entries are
//! commits, revision = number - 1.
//!
//! The crate that speaks to it, `eventstore`, stays out of this process: it installs a provider of TLS of its own, panics where there
//! is one, and brings an older tonic, a second prost and a C build. So it lives in a program beside this one, the adapter
//! (`adapter/`, `prometric-cluster`), which is begun when it is needed and begun again when it has ended; what was under way then has
//! an unknown end, as with any lost answer.

mod adapter;
mod wire;

use adapter::Adapter;
use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use log::{Engine, EngineError, Entry, Place, Put, Seen};
use std::path::PathBuf;
use uuid::Uuid;
use wire::{Ask, Position, Told};

/// Such a cluster.
pub struct Cluster {
    name: String,
    prefix: String,
    adapter: Adapter,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no address like esdb://user:password@host:2113?tls=true")]
pub struct AddressError;

impl Cluster {
    /// At that address (`esdb://…`, `esdb+discover://…`), in streams whose names begin with `prefix`, through that program.
    pub fn new(address: &str, prefix: &str, program: PathBuf) -> Result<Self, AddressError> {
        Ok(Self {
            name: format!("{}/{prefix}", hosts(address)?),
            prefix: prefix.to_owned(),
            adapter: Adapter::new(address.to_owned(), program),
        })
    }

    fn stream(&self, workspace: Uuid) -> String {
        format!("{}{workspace}", self.prefix)
    }
}

/// Where it is, without who asks and how.
fn hosts(address: &str) -> Result<&str, AddressError> {
    let (scheme, rest) = address.split_once("://").ok_or(AddressError)?;
    let hosts = rest.split(['?', '/']).next().unwrap_or_default();
    let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
    match ["esdb", "esdb+discover"].contains(&scheme) && !hosts.is_empty() {
        true => Ok(hosts),
        false => Err(AddressError),
    }
}

#[async_trait]
impl Engine for Cluster {
    fn name(&self) -> &str {
        &self.name
    }

    async fn append(&self, workspace: Uuid, length: u64, entry: &Entry) -> Result<Put, EngineError> {
        let ask = Ask::Append {
            stream: self.stream(workspace),
            length,
            entry: entry.id,
            text: entry.text.clone(),
        };
        match self.adapter.ask(ask).await?.next().await? {
            Told::There => Ok(Put::There),
            Told::Elsewhere => Ok(Put::Elsewhere),
            other => Err(unexpected(other)),
        }
    }

    async fn read(&self, workspace: Uuid, revision: u64, limit: usize) -> Result<Vec<Entry>, EngineError> {
        let ask = Ask::Read {
            stream: self.stream(workspace),
            revision,
            limit,
        };
        let (mut answers, mut entries) = (self.adapter.ask(ask).await?, Vec::new());
        loop {
            match answers.next().await? {
                Told::Entry { entry, text } => entries.push(Entry { id: entry, text }),
                Told::End => return Ok(entries),
                other => return Err(unexpected(other)),
            }
        }
    }

    async fn follow(&self, after: Option<Place>) -> Result<BoxStream<'static, Result<Seen, EngineError>>, EngineError> {
        let after = after.map(|Place { commit, prepare }| Position { commit, prepare });
        let prefix = self.prefix.clone();
        let ask = Ask::Follow {
            prefix: prefix.clone(),
            after,
        };
        let answers = self.adapter.ask(ask).await?;
        let told = stream::unfold(answers, |mut answers| async move {
            let told = answers.next().await;
            Some((told, answers))
        });
        // What is called like ours and is none has nothing to tell us.
        Ok(told
            .filter_map(move |told| std::future::ready(seen(&prefix, told).transpose()))
            .boxed())
    }
}

fn seen(prefix: &str, told: Result<Told, EngineError>) -> Result<Option<Seen>, EngineError> {
    Ok(match told? {
        Told::Seen { stream, revision, at } => {
            let workspace = stream.strip_prefix(prefix).and_then(|id| Uuid::try_parse(id).ok());
            workspace.map(|workspace| Seen::Entry {
                workspace,
                revision,
                place: place(at),
            })
        }
        Told::Passed(at) => Some(Seen::Passed(place(at))),
        Told::CaughtUp => Some(Seen::CaughtUp),
        other => return Err(unexpected(other)),
    })
}

fn place(Position { commit, prepare }: Position) -> Place {
    Place { commit, prepare }
}

fn unexpected(told: Told) -> EngineError {
    match told {
        Told::Away(why) => EngineError::Away(why),
        Told::Refused(why) => EngineError::Refused(why),
        _ => EngineError::Away("the adapter does not answer what it was asked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_named_without_its_secrets() {
        for (address, name) in [
            ("esdb://admin:changeit@one:2113?tls=true", Some("one:2113")),
            ("esdb://one:2113,two:2113", Some("one:2113,two:2113")),
            ("esdb+discover://a:p%40b@cluster.kz?tls=true", Some("cluster.kz")),
            ("esdb://", None),
            ("postgres://a@b/c", None),
            ("one:2113", None),
        ] {
            assert_eq!(hosts(address).ok(), name, "{address}");
        }
    }

    #[test]
    fn only_streams_of_workspaces_are_seen() {
        let told = |stream: &str| {
            let at = Position { commit: 7, prepare: 7 };
            seen(
                "prometric-",
                Ok(Told::Seen {
                    stream: stream.to_owned(),
                    revision: 3,
                    at,
                }),
            )
            .unwrap()
        };
        let workspace = Uuid::from_u128(1);
        let entry = Seen::Entry {
            workspace,
            revision: 3,
            place: Place { commit: 7, prepare: 7 },
        };
        assert_eq!(told(&format!("prometric-{workspace}")), Some(entry));
        assert_eq!(told("prometric-other"), None);
    }
}
