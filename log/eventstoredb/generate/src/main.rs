//! Writes the Rust of the protocol from its definitions, in pure Rust: no protoc is asked for. Messages and services only; clients
//! are other people's.

use std::{error::Error, path::Path};

const PROTOS: [&str; 4] = [
    "streams.proto",
    "persistent.proto",
    "gossip.proto",
    "serverfeatures.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let protos = crate_root.join("protos");
    let descriptors = protox::compile(PROTOS.map(|name| protos.join(name)), [&protos])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .extern_path(".event_store.client.Empty", "()")
        .bytes(".event_store.client")
        .emit_rerun_if_changed(false)
        .out_dir(crate_root.join("src/generated"))
        .compile_fds(descriptors)?;
    Ok(())
}
