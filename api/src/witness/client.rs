//! A witness as those see it who show it heads, and those who ask what it was shown.

use super::{PublishedKey, Refusal, Seen, Shown};
use log::keeping::{KeyError, PublicKey, Receipt, ReceiptError};
use reqwest::{Client, Response, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use uuid::Uuid;

/// How long a witness may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Witness {
    pub url: String,
    client: Client,
}

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("the witness {url} cannot be asked")]
    Away { url: String, source: reqwest::Error },
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
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            client: Client::new(),
        }
    }

    /// The key that it says is its own.
    pub async fn key(&self) -> Result<PublicKey, WitnessError> {
        let answer = self
            .client
            .get(format!("{}/key", self.url))
            .timeout(PATIENCE)
            .send()
            .await;
        let key: PublishedKey = self.read(answer.map_err(|source| self.away(source))?).await?;
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
        let asked = self.client.get(format!("{}/heads/{key_id}/{workspace}", self.url));
        let answer = asked
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|source| self.away(source))?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let seen: Seen = self.read(answer).await?;
        self.check(&seen.receipt, witnesses)?;
        let head = &seen.receipt.head;
        match (head.key_id.as_str(), head.workspace) == (key_id, workspace) {
            true => Ok(Some(seen)),
            false => Err(self.another()),
        }
    }

    /// Shows it a head, for a receipt of one of these.
    pub async fn show(&self, shown: &Shown, witnesses: &[PublicKey]) -> Result<Receipt, WitnessError> {
        let asked = self.client.post(format!("{}/heads", self.url)).json(shown);
        let answer = asked
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|source| self.away(source))?;
        let receipt: Receipt = self.read(answer).await?;
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

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, WitnessError> {
        let status = answer.status();
        if status.is_success() {
            return answer.json().await.map_err(|source| self.away(source));
        }
        let refusal: Option<Refusal> = answer.json().await.ok();
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

    fn away(&self, source: reqwest::Error) -> WitnessError {
        let url = self.url.clone();
        WitnessError::Away { url, source }
    }
}
