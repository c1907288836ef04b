//! The witness: a second party's server that keeps signed heads. It signs for a head only when that goes on from the one
//! before, so whoever rewrites a log and signs it anew, even with the right key, cannot show the new past to whom the old one
//! was shown. What is said to it and by it stands in docs/audit-format.md.

pub mod client;
mod door;
pub mod server;
mod store;
pub mod tls;
pub mod wire;

use log::keeping::{Path, PublicKey, Receipt, SignedHead};
use serde::{Deserialize, Serialize};

/// A key, for whoever does not have it yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedKey {
    pub key_id: String,
    /// SubjectPublicKeyInfo in PEM.
    pub public_key: String,
}

impl PublishedKey {
    pub fn new(key: &PublicKey) -> Result<Self, log::keeping::KeyError> {
        Ok(Self {
            key_id: key.id().to_owned(),
            public_key: key.to_pem()?,
        })
    }
}

/// What a witness is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shown {
    /// Of the head's maker, SubjectPublicKeyInfo in PEM.
    pub public_key: String,
    pub head: SignedHead,
    /// Leads from the head that the witness has to this one.
    pub path: Path,
}

/// What a witness has of one maker and workspace.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seen {
    /// For the latest head.
    pub receipt: Receipt,
    /// Signed by the same key, and not shown to go on from what was seen before: the first ones.
    pub refused: Vec<SignedHead>,
}

/// Why no receipt is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    pub error: String,
    /// What the witness has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Receipt>,
}

/// What a head is to whom that of `latest` was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    New,
    /// It was shown before.
    Repeat,
    /// Its maker has signed two pasts.
    Fork,
    /// It is of an earlier moment, as a log that went back to a backup has them.
    Behind,
    /// The path does not lead there.
    Unproved,
}

fn judge(latest: Option<&SignedHead>, head: &SignedHead, path: &Path) -> Verdict {
    let Some(latest) = latest else {
        return Verdict::New;
    };
    let is_same = (latest.hash, latest.root, latest.recorded_at) == (head.hash, head.root, head.recorded_at);
    match head.position.cmp(&latest.position) {
        std::cmp::Ordering::Less => Verdict::Behind,
        std::cmp::Ordering::Equal if is_same => Verdict::Repeat,
        std::cmp::Ordering::Equal => Verdict::Fork,
        std::cmp::Ordering::Greater if head.extends(latest, path) => Verdict::New,
        std::cmp::Ordering::Greater => Verdict::Unproved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use log::keeping::{Signer, Stand, Tree};
    use uuid::Uuid;

    fn head(leaves: &[[u8; 32]]) -> SignedHead {
        let tree: Tree = leaves.iter().copied().collect();
        let stand = Stand {
            position: i64::try_from(leaves.len()).unwrap(),
            hash: leaves.last().copied().unwrap(),
            root: Some(tree.root()),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        Signer::from_seed(&[1; 32]).sign(Uuid::nil(), stand)
    }

    #[test]
    fn a_head_is_taken_when_it_goes_on_from_the_one_before() {
        let leaves: Vec<[u8; 32]> = (0..9).map(|n| [n; 32]).collect();
        let (before, after) = (head(&leaves[..5]), head(&leaves));
        let path = Path::consistency(&leaves, 5).unwrap();
        let none = Path::default();
        assert_eq!(judge(None, &before, &none), Verdict::New);
        assert_eq!(judge(Some(&before), &before, &none), Verdict::Repeat);
        assert_eq!(judge(Some(&before), &after, &path), Verdict::New);
        assert_eq!(judge(Some(&before), &after, &none), Verdict::Unproved);
        assert_eq!(judge(Some(&after), &before, &path), Verdict::Behind);

        let mut rewritten = leaves.clone();
        rewritten[2] = [99; 32];
        let path = Path::consistency(&rewritten, 5).unwrap();
        assert_eq!(judge(Some(&before), &head(&rewritten[..5]), &none), Verdict::Fork);
        assert_eq!(judge(Some(&before), &head(&rewritten), &path), Verdict::Unproved);
    }
}
