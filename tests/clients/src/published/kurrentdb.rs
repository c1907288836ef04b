//! `prometric-published-kurrentdb (list|URL TEST)`: the integration tests that the crate `kurrentdb` is published with, unchanged, one at a
//! time against a server of ours. `build.rs` says how they get here, [`not_served`] which of them do not apply.

mod asked;
mod not_served;

use asked::Asked;

include!(concat!(env!("OUT_DIR"), "/kurrentdb.rs"));

#[tokio::main]
async fn main() -> eyre::Result<()> {
    match asked::asked()? {
        Asked::List => asked::list(TESTS),
        Asked::Run { url, test } => call(&test, &kurrentdb::Client::new(url.parse()?)?).await?,
    }
    Ok(())
}
