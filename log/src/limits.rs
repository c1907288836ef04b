//! How long the general pool's sessions may take. A request is answered or refused within half a minute; nobody holds
//! others up for longer, least of all a node that hangs; and jobs that are long by nature say so.

use sqlx::{PgConnection, postgres::PgConnectOptions};

/// For a pool that serves requests and consumers. The committer's connections have limits of their own.
pub fn limited(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        // Far above what any request or step of a consumer needs; what takes longer would take connection after
        // connection from the pool.
        ("statement_timeout", "30s"),
        // Rows are locked for milliseconds. Whoever waits longer stands behind a long job, and had better come again
        // than keep a connection.
        ("lock_timeout", "5s"),
        // Between two statements lies a fold at most. A machine that vanished must not keep its rows locked until the
        // network gives up on it.
        ("idle_in_transaction_session_timeout", "10s"),
    ])
}

/// Lifts the limits until the transaction's end, for what takes as long as the data is large.
pub async fn unhurried(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lift = "set local statement_timeout = 0; set local lock_timeout = 0; set local idle_in_transaction_session_timeout = 0";
    sqlx::raw_sql(lift).execute(connection).await?;
    Ok(())
}
