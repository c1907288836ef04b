//! `cargo +nightly fuzz run stored_event corpus/stored_event ../domain/samples`: the samples are the seeds.
#![no_main]

#[path = "../../tests/src/decoding.rs"]
mod decoding;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    decoding::stored_event(bytes).ok();
});
