//! What a witness signs: that it has been shown a head, when, and that the head went on from those it was shown before.

use super::seal::{PublicKey, SignedHead, Signer};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"prometric.witness.receipt.v1\0";

/// "I was shown this head then, and it goes on from what I was shown before."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    pub head: SignedHead,
    /// By the witness's clock, to the microsecond.
    pub seen_at: DateTime<Utc>,
    /// The witness's public key, by its id.
    pub key_id: String,
    #[serde(with = "hex::serde")]
    pub signature: [u8; 64],
}

/// A receipt is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("the receipt is of the witness {0}, which is not known")]
    UnknownWitness(String),
    #[error("the receipt's signature is forged")]
    Forged,
}

impl Receipt {
    pub fn sign(witness: &Signer, head: SignedHead, seen_at: DateTime<Utc>) -> Self {
        let mut receipt = Self {
            head,
            seen_at: seen_at.trunc_subsecs(6),
            key_id: witness.public_key().id().to_owned(),
            signature: [0; 64],
        };
        receipt.signature = witness.sign_bytes(&receipt.canonical());
        receipt
    }

    /// Whether one of these witnesses signed exactly this. Whether the head is its maker's is asked apart.
    pub fn check(&self, witnesses: &[PublicKey]) -> Result<(), ReceiptError> {
        let witness = witnesses.iter().find(|key| key.id() == self.key_id);
        let witness = witness.ok_or_else(|| ReceiptError::UnknownWitness(self.key_id.clone()))?;
        match witness.has_signed(&self.canonical(), &self.signature) {
            true => Ok(()),
            false => Err(ReceiptError::Forged),
        }
    }

    fn canonical(&self) -> Vec<u8> {
        let mut head = Sha256::new();
        head.update(self.head.canonical());
        head.update(self.head.signature);
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(head.finalize());
        bytes.extend(self.seen_at.timestamp_micros().to_be_bytes());
        bytes.extend(self.key_id.as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeping::Stand;
    use uuid::Uuid;

    #[test]
    fn a_receipt_holds_for_its_head_its_moment_and_its_witness() {
        let (maker, witness) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
        let stand = Stand {
            position: 5,
            hash: [9; 32],
            root: Some([8; 32]),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        let receipt = Receipt::sign(&witness, maker.sign(Uuid::nil(), stand), Utc::now());
        let text = serde_json::to_string(&receipt).unwrap();
        let back: Receipt = serde_json::from_str(&text).unwrap();
        back.check(&[witness.public_key()]).unwrap();
        let strange = back.check(&[maker.public_key()]).unwrap_err();
        assert!(matches!(strange, ReceiptError::UnknownWitness(_)));
        let changes: [fn(&mut Receipt); 4] = [
            |receipt| receipt.head.position += 1,
            |receipt| receipt.head.signature[0] ^= 1,
            |receipt| receipt.seen_at += chrono::Duration::microseconds(1),
            |receipt| receipt.signature[0] ^= 1,
        ];
        for change in changes {
            let mut changed = receipt.clone();
            change(&mut changed);
            assert_eq!(changed.check(&[witness.public_key()]), Err(ReceiptError::Forged));
        }
    }
}
