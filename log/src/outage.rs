//! Whether a failure is the store's or ours. One is passing: whoever asks later may be served, and is told so. The
//! other is a bug, and asking again does not help.

use sqlx::Error;

/// SQLSTATEs, or classes of them, by which a server says that it cannot serve now, whatever it is asked.
const AWAY: [&str; 12] = [
    "08",    // the connection failed
    "25006", // it is read-only: a standby, or on its way to be one
    "28",    // it lets nobody in
    "3D000", // the database is not there: it is being restored
    "40",    // lost against others: a deadlock
    "53",    // out of disk, memory or connections
    "55P03", // a lock was not to be had in time
    "57",    // cancelled, taking too long, shutting down or starting up
    "58",    // an error of its disk or its system
    "25P03", // idle for too long in a transaction
    "XX001", // its files are damaged
    "XX002",
];

/// Whether the store cannot be reached or cannot serve now, so that asking later may help.
pub fn is_outage(error: &Error) -> bool {
    match error {
        // A broken connection is told in many ways.
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => true,
        Error::Database(told) => told
            .code()
            .is_some_and(|code| AWAY.iter().any(|away| code.starts_with(away))),
        _ => false,
    }
}
