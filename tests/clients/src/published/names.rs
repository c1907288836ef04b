//! The part of the crate `names` that the published tests use, for streams and for groups. That one makes names like `rusty-nail`;
//! these ones name streams to which outside systems may append.

use std::marker::PhantomData;

#[derive(Default)]
pub struct Generator<'a>(PhantomData<&'a str>);

impl Iterator for Generator<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some(format!("external-{}", uuid::Uuid::now_v7()))
    }
}
