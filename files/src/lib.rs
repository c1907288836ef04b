//! stores: files by their names, in a folder or in a bucket of S3, which are read back as they were put there; and what pictures are by their content,
//! whatever they are called. It knows of no workspaces and no products. What it stands on is large, hence a crate of its own
//! (docs/decisions/0044).

mod bucket;
mod picture;
mod pictures;
mod store;
mod wire;

pub use bucket::Bucket;
pub use picture::{BYTES_MAX, Kind, PIXELS_MAX, Picture, SIDE_MAX, THUMBNAIL_SIDE, Unreadable};
pub use pictures::{Pictures, Unseen};
pub use store::{Files, FilesError, Stored};
