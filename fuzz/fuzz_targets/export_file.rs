//! `cargo +nightly fuzz run export_file`: put an export into `fuzz/corpus/export_file` for a good start.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    prometric_fuzz::decoding::export_file(bytes).ok();
});
