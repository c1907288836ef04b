//! The published tests' `crate::common`: theirs, but for the names of streams. Any stream is theirs on a server of its makers; here
//! outside systems append to those whose category is `external`.

pub use crate::theirs::generate_events;

pub fn fresh_stream_id(prefix: &str) -> String {
    format!("external-{}", crate::theirs::fresh_stream_id(prefix))
}
