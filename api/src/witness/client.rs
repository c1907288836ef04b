//! A witness as those see it who show it heads, and those who ask what it was shown.

use super::{
    PublishedKey, Refusal, Seen, Shown,
    wire::{Wire, WireError},
};
use axum::http::StatusCode;
use bytes::Bytes;
use log::keeping::{KeyError, PublicKey, Receipt, ReceiptError};
use serde::de::DeserializeOwned;
use uuid::Uuid;

#[derive(Debug, Clone)]
pub struct Witness {
    pub url: String,
    wire: Wire,
}

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("the witness {url} cannot be asked")]
    Away { url: String, source: WireError },
    #[error("the witness {url} answers {status}: {said}")]
    Refused {
        url: String,
        status: StatusCode,
        said: String,
    },
    #[error("the witness {url} has a key that is none")]
    Key { url: String, source: KeyError },
    #[error("the witness {url} answers with another head than it was asked about")]
    Another { url: String },
    #[error("the witness {url}")]
    Receipt { url: String, source: ReceiptError },
}

impl Witness {
    /// `url` without a slash at its end.
    pub fn new(url: &str, wire: &Wire) -> Self {
        Self {
            url: url.to_owned(),
            wire: wire.clone(),
        }
    }

    /// The key that it says is its own.
    pub async fn key(&self) -> Result<PublicKey, WitnessError> {
        let answer = self.wire.get(&format!("{}/key", self.url)).await;
        let key: PublishedKey = self.read(answer.map_err(|source| self.away(source))?)?;
        PublicKey::from_pem(&key.public_key).map_err(|source| WitnessError::Key {
            url: self.url.clone(),
            source,
        })
    }

    /// What it was shown, under a receipt of one of these; `None` when nothing.
    pub async fn seen(
        &self,
        key_id: &str,
        workspace: Uuid,
        witnesses: &[PublicKey],
    ) -> Result<Option<Seen>, WitnessError> {
        let url = format!("{}/heads/{key_id}/{workspace}", self.url);
        let answer = self.wire.get(&url).await.map_err(|source| self.away(source))?;
        if answer.0 == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let seen: Seen = self.read(answer)?;
        self.check(&seen.receipt, witnesses)?;
        let head = &seen.receipt.head;
        match (head.key_id.as_str(), head.workspace) == (key_id, workspace) {
            true => Ok(Some(seen)),
            false => Err(self.another()),
        }
    }

    /// Shows it a head, for a receipt of one of these.
    pub async fn show(&self, shown: &Shown, witnesses: &[PublicKey]) -> Result<Receipt, WitnessError> {
        let answer = self.wire.post(&format!("{}/heads", self.url), shown).await;
        let receipt: Receipt = self.read(answer.map_err(|source| self.away(source))?)?;
        self.check(&receipt, witnesses)?;
        match receipt.head == shown.head {
            true => Ok(receipt),
            false => Err(self.another()),
        }
    }

    fn check(&self, receipt: &Receipt, witnesses: &[PublicKey]) -> Result<(), WitnessError> {
        receipt.check(witnesses).map_err(|source| WitnessError::Receipt {
            url: self.url.clone(),
            source,
        })
    }

    fn read<T: DeserializeOwned>(&self, (status, said): (StatusCode, Bytes)) -> Result<T, WitnessError> {
        if status.is_success() {
            return serde_json::from_slice(&said).map_err(|error| self.away(error.into()));
        }
        let refusal: Option<Refusal> = serde_json::from_slice(&said).ok();
        Err(WitnessError::Refused {
            url: self.url.clone(),
            status,
            said: refusal.map_or_else(String::new, |refusal| refusal.error),
        })
    }

    fn another(&self) -> WitnessError {
        let url = self.url.clone();
        WitnessError::Another { url }
    }

    fn away(&self, source: WireError) -> WitnessError {
        let url = self.url.clone();
        WitnessError::Away { url, source }
    }
}
