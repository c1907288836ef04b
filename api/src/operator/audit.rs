//! `prometric audit`: proves that the log is whole, and signs where it stands.

mod file;
mod heads;
pub mod keys;
mod prove;
mod receipts;
mod verify;

use super::Failure;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recomputes every hash, holds claims and numbers against the events, and names what is wrong first with each
    /// workspace that is not whole.
    Verify(verify::Verify),
    /// Signs where the workspaces stand.
    Heads(heads::Heads),
    /// What witnesses have signed for.
    Receipts(receipts::Receipts),
    /// Writes a proof that an event is in the log, or that the log goes on from an earlier head, for whoever has neither.
    Prove(prove::Prove),
    /// Checks such a proof, with a public key alone.
    Check(prove::Check),
    /// What happened, to one thing or in a whole workspace, in words.
    Trail(super::trail::Trail),
    /// The whole trail of a workspace, into a file.
    Export(super::export::Export),
}

pub async fn run(audit: Audit) -> Result<(), Failure> {
    match audit {
        Audit::Verify(verify) => verify.run().await,
        Audit::Heads(heads) => heads.run().await,
        Audit::Receipts(receipts) => receipts.run().await,
        Audit::Prove(prove) => prove.run().await,
        Audit::Check(check) => check.run(),
        Audit::Trail(trail) => trail.run().await,
        Audit::Export(export) => export.run().await,
    }
}
