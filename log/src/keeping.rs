//! Keeping the log for years: prove that it is whole (`verify`), sign where it stands (`seal`), move a workspace to
//! another database (`transfer`, `relocate`), put its old part away into files (`archive`). Tools and schedules call these;
//! nothing here runs by itself.

mod archive;
mod books;
mod epoch;
mod file;
mod history;
mod proof;
mod receipt;
mod relocate;
mod seal;
mod segment;
mod shelf;
mod sign;
mod store;
mod transfer;
mod tree;
#[cfg(test)]
mod vectors;
mod verify;

pub use archive::{ArchiveError, SEGMENT_EVENTS_MAX};
pub use books::{BookError, Meaning, Unreadable};
pub(crate) use file::EventLine;
pub use file::{FileError, FileReader, Header, Item, Kind, Summary};
pub use history::HistoryError;
pub use proof::{Proof, ProofError, ProveError};
pub use receipt::{Receipt, ReceiptError};
pub use relocate::MoveError;
pub use seal::{KeyError, PublicKey, SealError, SignedHead, Signer};
pub use segment::{Archived, Segment};
pub(crate) use segment::{explained, stream_is_live};
pub(crate) use shelf::Shelf;
pub use sign::{CheckError, Onward, SignError, Stand};
pub use transfer::{ExportError, ImportError};
pub use tree::{Path, Tree, leaf};
pub use verify::{Report, VerifyError, Walk};
