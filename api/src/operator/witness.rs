//! `prometric witness`: the server of a second party, who keeps what heads it was shown.

use super::{Failure, audit::keys, tell};
use crate::witness::{server, tls};
use clap::{Args, Subcommand};
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Subcommand)]
pub enum Witness {
    /// Keeps heads that others sign, refuses one that does not go on from the one before, and signs receipts.
    Serve(Serve),
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Where it keeps what it was shown.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// The Ed25519 private key that it signs receipts with, PKCS#8 in PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A public key whose heads it keeps, PEM; without one everybody's.
    #[arg(long = "maker", value_name = "FILE")]
    makers: Vec<PathBuf>,
    /// Its certificate for TLS and those between, in PEM. Without it the port speaks in the clear.
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
}

pub async fn run(witness: Witness) -> Result<(), Failure> {
    let Witness::Serve(serve) = witness;
    let makers = serve
        .makers
        .iter()
        .map(|file| keys::public_key(file))
        .collect::<Result<_, _>>()?;
    let witness = keys::private_key(&serve.key)?;
    let shown = match (&serve.certificate, &serve.certificate_key) {
        (Some(certificate), Some(key)) => Some(tls::showing(certificate, key)?),
        _ => None,
    };
    tell(format_args!(
        "receipts are signed with the key {}",
        witness.public_key().id()
    ))?;
    Ok(server::serve(serve.listen, &serve.data, witness, makers, shown).await?)
}
