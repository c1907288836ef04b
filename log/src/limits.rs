//! How long sessions of the pools may take. A request is answered or refused within half a minute; nobody holds
//! others up for longer, least of all a node that hangs; and jobs that are long by nature say so.

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;

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

/// The most connections that consumers hold, and what keeps them going.
const FOLLOWERS: u32 = 12;
const FOLLOWERS_WAIT: Duration = Duration::from_secs(3);
/// How long an unused connection is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);

/// Connections of their own for those who follow the log: no load of requests keeps a node from renewing its leases or from
/// moving on. What they write can be made again from the log, so their commits need not wait for the disk.
pub(crate) fn followers(pool: &PgPool) -> PgPool {
    let options = pool.connect_options().as_ref().clone();
    let options = options.application_name("prometric followers").options([
        ("synchronous_commit", "off"),
        ("jit", "off"),
        // What they ask and write is found by keys, however many rows there are; a plan made on an empty table would scan,
        // and to plan anew takes longer than to carry out.
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ]);
    PgPoolOptions::new()
        .max_connections(FOLLOWERS)
        .acquire_timeout(FOLLOWERS_WAIT)
        // To ask a connection each time whether it is alive is a round trip more for every batch; a consumer tries again.
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}
