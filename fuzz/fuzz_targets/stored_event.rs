//! `cargo +nightly fuzz run stored_event fuzz/corpus/stored_event domain/samples`: the samples are the seeds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    prometric_fuzz::decoding::stored_event(bytes).ok();
});
