//! The fuzz targets' subject: the very functions that the property tests run.

#[path = "../../tests/src/decoding.rs"]
pub mod decoding;
