//! Personal values: sealed in the events under a key per person, so that destroying the key erases the person while
//! every event, and the chain over them, stays as it is. This knows JSON with markers (`marker.rs`) and not the domain.
//!
//! `Log::append` seals by itself, so that nobody can forget to; what it answers is open. Reading answers events as they
//! stand, which is what a relay and a verifier want; whoever decodes them calls `open_personal` first. A value within
//! another person's value is sealed by its own key, then with the other: it opens as long as neither is erased.
//!
//! After `erase_person` this node opens nothing of that person's any more, others as soon as they are told, and none
//! later than a minute (`cache.rs`). What is sealed meanwhile with a key still at hand opens for nobody afterwards.

mod cache;
mod cipher;
mod claim;
mod ear;
mod fence;
mod kept;
mod keys;
mod marker;
mod masters;
mod ring;
mod rotation;

pub use claim::ClaimKeys;
pub use fence::{Fence, FenceError};
pub(crate) use keys::PersonKeys;
pub use ring::{KeyRing, RingError};

use crate::{Append, Appended, ClientAddress, Log, Recorded, Shared};
use cache::{Keys, PersonKey};
use cipher::Owner;
use marker::Content;
use sqlx::PgConnection;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// Values within values within …; each is encrypted once a level.
const DEPTH_MAX: usize = 8;

/// Why personal values cannot be sealed or opened. Tells of whom, never what.
#[derive(Debug, thiserror::Error)]
pub enum PersonalError {
    /// Who was erased stays erased: no event may tell of them anew.
    #[error("person {person} was erased")]
    Erased { person: Uuid },
    /// `$person` is reserved: it stands in something that is no personal value in the clear, or in too many of them.
    #[error("the reserved key $person is misplaced")]
    Misplaced,
    #[error("a value or the key of person {person} in workspace {workspace} is not what was stored")]
    Tampered { workspace: Uuid, person: Uuid },
    /// Not erased: it is not there. A part of the database was lost.
    #[error("the key of person {person} in workspace {workspace} is lost")]
    KeyLost { workspace: Uuid, person: Uuid },
    #[error("keys are wrapped by master key {id}, which is not configured")]
    MasterKeyUnknown { id: String },
    #[error("master key {id} is another than it was")]
    MasterKeyChanged { id: String },
    /// The nil id stands for the workspace itself: its claims are keyed with it.
    #[error("the nil id is nobody's")]
    Nobody,
    #[error(transparent)]
    Fence(#[from] FenceError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl PersonalError {
    fn tampered(Owner { workspace, person }: Owner) -> Self {
        Self::Tampered { workspace, person }
    }
}

impl From<marker::Misplaced> for PersonalError {
    fn from(_: marker::Misplaced) -> Self {
        Self::Misplaced
    }
}

impl Log {
    /// Wraps the keys of people with master keys from outside. Without this there is one in the database, made when it
    /// is first needed. Fails when a key that is in use is not among them.
    pub async fn with_master_keys(mut self, ring: KeyRing) -> Result<Self, PersonalError> {
        self.personal = Arc::new(PersonKeys::with_ring(self.pool.clone(), ring).await?);
        Ok(self)
    }

    /// Opens the personal values of events of any workspaces, in place; those of erased people become "erased". The
    /// hashes still are those of the sealed data. At most one query a level of nesting, none when the keys are at hand.
    pub async fn open_personal(&self, events: &mut [Recorded]) -> Result<(), PersonalError> {
        self.personal.open(&mut texts(events), None).await
    }

    /// The same on a connection at hand.
    pub async fn open_personal_in_tx(
        &self,
        connection: &mut PgConnection,
        events: &mut [Recorded],
    ) -> Result<(), PersonalError> {
        self.personal.open(&mut texts(events), Some(connection)).await
    }

    /// Opens the client addresses in the metadata of events, which all other readers leave sealed.
    pub async fn open_addresses(&self, events: &mut [Recorded]) -> Result<(), PersonalError> {
        let marked = events
            .iter_mut()
            .filter(|event| marker::may_have_markers(&event.metadata));
        let mut texts: Vec<Text> = marked.map(|event| (event.workspace, &mut event.metadata)).collect();
        self.personal.open(&mut texts, None).await
    }

    /// Seals JSON that was made from opened events and is to be kept outside the log, such as the snapshot of a state.
    pub async fn seal_text(&self, workspace: Uuid, json: &mut String) -> Result<(), PersonalError> {
        self.personal.seal(&mut [(workspace, json)]).await.map(|_| ())
    }

    /// Opens what `seal_text` sealed.
    pub async fn open_text(&self, workspace: Uuid, json: &mut String) -> Result<(), PersonalError> {
        self.personal.open(&mut [(workspace, json)], None).await
    }

    /// A number that changes whenever somebody may have been erased, here or on another node: what is remembered from
    /// events that were opened before is to be forgotten.
    pub fn erasures(&self) -> u64 {
        self.personal.erasures()
    }

    /// Destroys a person's key in a workspace, for good; again does nothing more. Claims that only a keyed hash is kept of
    /// are free afterwards, and the workspace's snapshots gone. Where there is a fence it is told first.
    pub async fn erase_person(&self, workspace: Uuid, person: Uuid) -> Result<(), PersonalError> {
        let owner = Owner { workspace, person };
        if person.is_nil() {
            return Err(PersonalError::Nobody);
        }
        if let Some(fence) = &self.fence {
            fence.note(workspace, person).await?;
        }
        self.personal.erase(owner).await
    }

    /// Wraps all keys with the first master key and strikes off the others; answers how many. Can be stopped and run
    /// again at any moment.
    pub async fn rotate_master_key(&self) -> Result<u64, PersonalError> {
        self.personal.rotate().await
    }
}

/// What an append was sealed with: it opens that again whatever happens meanwhile, without asking anybody.
#[derive(Default)]
pub(crate) struct Sealed {
    keys: Keys,
    /// What this node had heard of erasures, if it heard of them.
    pub heard: Option<u64>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Sealed {
    /// Opens what was appended.
    pub fn open_appended(&self, appended: &mut Appended) -> Result<(), PersonalError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let mut events = appended.recorded();
        open_texts(&mut texts(&mut events), &self.keys)?;
        appended.events = events.into_iter().map(Shared::new).collect();
        Ok(())
    }
}

/// Whether JSON may hold personal values, sealed or not.
pub(crate) fn may_be_personal(json: &str) -> bool {
    marker::may_have_markers(json)
}

/// JSON and the workspace it belongs to.
type Text<'a> = (Uuid, &'a mut String);

/// Those that a closer look is worth.
fn texts(events: &mut [Recorded]) -> Vec<Text<'_>> {
    let marked = events.iter_mut().filter(|event| marker::may_have_markers(&event.data));
    marked.map(|event| (event.workspace, &mut event.data)).collect()
}

impl PersonKeys {
    pub async fn seal_append(&self, append: &mut Append) -> Result<Sealed, PersonalError> {
        let workspace = append.workspace;
        self.seal_address(append).await?;
        let events = append.streams.iter_mut().flat_map(|stream| &mut stream.events);
        let marked = events.filter(|event| marker::may_have_markers(&event.data));
        let mut texts: Vec<Text> = marked.map(|event| (workspace, &mut event.data)).collect();
        self.seal(&mut texts).await
    }

    /// Under the key of the user who acts; who is not one yet is what is being made. Of somebody erased there is none.
    async fn seal_address(&self, append: &mut Append) -> Result<(), PersonalError> {
        let Some(ClientAddress::Clear(address)) = append.metadata.client_address.take() else {
            return Ok(());
        };
        let made = append.streams.first().map(|stream| stream.stream.id);
        let Some(person) = append.metadata.user().or(made) else {
            return Ok(());
        };
        let value = serde_json::Value::from(address).to_string();
        let mut mark = marker::clear(person, &value);
        match self.seal(&mut [(append.workspace, &mut mark)]).await {
            Ok(_) => append.metadata.client_address = serde_json::from_str(&mark).ok(),
            Err(PersonalError::Erased { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn seal(&self, texts: &mut [Text<'_>]) -> Result<Sealed, PersonalError> {
        let heard = self.heard();
        let mut owners = BTreeSet::new();
        for (workspace, json) in &*texts {
            collect(*workspace, json, 0, &mut owners)?;
        }
        if owners.is_empty() {
            return Ok(Sealed::default());
        }
        let keys = self.find_or_make(&owners).await?;
        for (workspace, json) in texts {
            if let Cow::Owned(sealed) = seal_text(*workspace, json, &keys)? {
                **json = sealed;
            }
        }
        Ok(Sealed { keys, heard })
    }

    async fn open(
        &self,
        texts: &mut [Text<'_>],
        mut connection: Option<&mut PgConnection>,
    ) -> Result<(), PersonalError> {
        let mut keys = Keys::default();
        for _ in 0..=DEPTH_MAX {
            let missing = open_texts(texts, &keys)?;
            if missing.is_empty() {
                return Ok(());
            }
            let found = self.find(&missing, connection.as_deref_mut()).await?;
            if let Some(Owner { workspace, person }) = missing.into_iter().find(|owner| !found.contains_key(owner)) {
                return Err(PersonalError::KeyLost { workspace, person });
            }
            keys.extend(found);
        }
        Err(PersonalError::Misplaced)
    }
}

/// Opens those that the keys suffice for; answers whose keys the others need.
fn open_texts(texts: &mut [Text<'_>], keys: &Keys) -> Result<BTreeSet<Owner>, PersonalError> {
    let mut missing = BTreeSet::new();
    for (workspace, json) in texts {
        let mut wanted = BTreeSet::new();
        match open_text(*workspace, json, keys, &mut wanted)? {
            Cow::Owned(opened) if wanted.is_empty() => **json = opened,
            Cow::Owned(_) | Cow::Borrowed(_) => missing.append(&mut wanted),
        }
    }
    Ok(missing)
}

/// Everybody whose values are in the clear.
fn collect(workspace: Uuid, json: &str, depth: usize, owners: &mut BTreeSet<Owner>) -> Result<(), PersonalError> {
    for marker in marker::markers(json) {
        let marker = marker?;
        match marker.content {
            Content::Clear(value) if depth < DEPTH_MAX => {
                let person = marker.person;
                owners.insert(Owner { workspace, person });
                collect(workspace, value, depth + 1, owners)?;
            }
            // A sealed value cannot come from a reader, who sees it open or erased.
            Content::Clear(_) | Content::Sealed(_) => return Err(PersonalError::Misplaced),
            Content::Erased => {}
        }
    }
    Ok(())
}

fn seal_text<'a>(workspace: Uuid, json: &'a str, keys: &Keys) -> Result<Cow<'a, str>, PersonalError> {
    let markers = marker::markers(json).map(|marker| Ok(marker?));
    marker::replace(json, markers, |marker| {
        let person = marker.person;
        let owner = Owner { workspace, person };
        match (&marker.content, keys.get(&owner)) {
            (Content::Clear(value), Some(PersonKey::Known(key))) => {
                let value = seal_text(workspace, value, keys)?;
                Ok(Some(marker::sealed(person, &key.seal(owner, &value))))
            }
            (Content::Clear(_), Some(PersonKey::Erased)) => Err(PersonalError::Erased { person }),
            (Content::Clear(_), None) => Err(PersonalError::KeyLost { workspace, person }),
            (Content::Sealed(_) | Content::Erased, _) => Ok(None),
        }
    })
}

/// Whose keys are not among `keys` is added to `missing`. What is no marker is none of ours: it was stored as it is.
fn open_text<'a>(
    workspace: Uuid,
    json: &'a str,
    keys: &Keys,
    missing: &mut BTreeSet<Owner>,
) -> Result<Cow<'a, str>, PersonalError> {
    let markers = marker::markers(json).filter_map(Result::ok).map(Ok);
    marker::replace(json, markers, |marker| {
        let (person, Content::Sealed(sealed)) = (marker.person, &marker.content) else {
            return Ok(None);
        };
        let owner = Owner { workspace, person };
        match keys.get(&owner) {
            Some(PersonKey::Known(key)) => {
                let value = key.open(owner, sealed).ok_or(PersonalError::tampered(owner))?;
                let value = open_text(workspace, &value, keys, missing)?;
                Ok(Some(marker::clear(person, &value)))
            }
            Some(PersonKey::Erased) => Ok(Some(marker::erased(person))),
            None => {
                missing.insert(owner);
                Ok(None)
            }
        }
    })
}

#[cfg(test)]
mod tests;
