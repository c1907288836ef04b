//! `cargo +nightly fuzz run export_file`: put an export into `corpus/export_file` for a good start.
#![no_main]

#[path = "../../tests/src/decoding.rs"]
mod decoding;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoding::export_file(bytes).ok();
});
