//! `cargo +nightly fuzz run stored_commit`: what is decoded is encoded again to what is decoded again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(commit) = prometric_fuzz::decoding::stored_commit(bytes)
        && let Ok(text) = commit.encode()
    {
        assert_eq!(log::Commit::decode(&text).ok(), Some(commit));
    }
});
