//! What the program is asked for: the list of the client's published tests, a line of JSON each, or one of them, against a server.

use crate::not_served::NOT_SERVED;
use serde_json::json;
use std::env::args;

pub enum Asked {
    List,
    /// One test, by its name in the list.
    Run {
        url: String,
        test: String,
    },
}

pub fn asked() -> eyre::Result<Asked> {
    let arguments: Vec<String> = args().skip(1).collect();
    match arguments.as_slice() {
        [word] if word == "list" => Ok(Asked::List),
        [url, test] => Ok(Asked::Run {
            url: url.clone(),
            test: test.clone(),
        }),
        _ => eyre::bail!("(list|URL TEST)"),
    }
}

/// Each test, and why it is not served, if it is not; and after them those whose reason stands here and that are not there.
pub fn list(tests: &[&str]) {
    let reasons = || {
        let named = NOT_SERVED.iter();
        named.flat_map(|(reason, tests)| tests.iter().map(move |test| (*test, *reason)))
    };
    for test in tests {
        let reason = reasons().find(|(name, _)| name == test).map(|(_, reason)| reason);
        println!("{}", json!({ "test": test, "not_served": reason }));
    }
    for (gone, _) in reasons().filter(|(name, _)| !tests.contains(name)) {
        println!("{}", json!({ "gone": gone }));
    }
}
