//! `prometric audit receipts`: what witnesses have signed for, into a file that proves it to whoever has their keys.

use super::file::write;
use crate::{
    config::Store,
    heads,
    operator::{Failure, in_file, tell},
    serve::open_store,
    witness::Seen,
};
use clap::Args;
use log::keeping::{PublicKey, Receipt, SignedHead};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Receipts {
    /// Where they are written, a JSON array.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    store: Store,
}

impl Receipts {
    pub async fn run(self) -> Result<(), Failure> {
        let (_, pool) = open_store(&self.store).await?;
        let (_, receipts) = heads::witnessed(&pool).await?;
        write(&self.out, &serde_json::to_vec_pretty(&receipts)?)?;
        let (count, out) = (receipts.len(), self.out.display());
        Ok(tell(format_args!("{count} receipts are in {out}"))?)
    }
}

/// What such a file may hold: receipts, and what a witness answers when it is asked what it has seen.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Receipt(Box<Receipt>),
    Seen(Box<Seen>),
    Many(Vec<Found>),
}

/// The heads that these witnesses signed for, or refused; one receipt of which nobody of them says so spoils the file.
pub fn heads_in(file: &Path, witnesses: &[PublicKey]) -> Result<Vec<SignedHead>, Failure> {
    let text = super::file::read(file)?;
    let mut heads = Vec::new();
    for found in serde_json::Deserializer::from_str(&text).into_iter::<Found>() {
        let found = found.map_err(|_| in_file(file, "there is something in it that is no receipt"))?;
        found
            .check(witnesses, &mut heads)
            .map_err(|error| in_file(file, error))?;
    }
    Ok(heads)
}

impl Found {
    fn check(self, witnesses: &[PublicKey], heads: &mut Vec<SignedHead>) -> Result<(), log::keeping::ReceiptError> {
        match self {
            Self::Receipt(receipt) => {
                receipt.check(witnesses)?;
                heads.push(receipt.head);
            }
            Self::Seen(seen) => {
                seen.receipt.check(witnesses)?;
                heads.push(seen.receipt.head);
                heads.extend(seen.refused);
            }
            Self::Many(found) => {
                for found in found {
                    found.check(witnesses, heads)?;
                }
            }
        }
        Ok(())
    }
}
