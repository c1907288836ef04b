//! The files under version control, and the one way to change those that are generated.

use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fmt, fs,
    path::{Path, PathBuf},
};

/// Set to 1 by `./dev schemas`.
const WRITE: &str = "PROMETRIC_WRITE_SCHEMAS";

pub fn root() -> PathBuf {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_root.parent().expect("the crate is in the workspace").to_owned()
}

/// A folder of JSON files named `{type}.v{number}.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder(&'static str);

impl Folder {
    pub const SAMPLES: Self = Self("domain/samples");
    pub const SCHEMAS: Self = Self("domain/schemas");

    pub fn path(self, name: &str) -> PathBuf {
        root().join(self.0).join(format!("{name}.json"))
    }

    /// Of all its files, without the ending.
    pub fn names(self) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(root().join(self.0)) else {
            return BTreeSet::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .map(|name| name.strip_suffix(".json").unwrap_or(&name).to_owned())
            .collect()
    }

    pub fn read(self, name: &str) -> Option<Value> {
        let text = fs::read_to_string(self.path(name)).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// As it is checked in: indented, with a new line at the end.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Complains when a generated file is not what it should be; writes it instead when asked to.
pub fn settle(path: &Path, text: &str) -> Option<String> {
    if fs::read_to_string(path).is_ok_and(|checked_in| checked_in == text) {
        return None;
    }
    if env::var(WRITE).is_ok_and(|wish| wish == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return None;
    }
    let path = path.strip_prefix(root()).unwrap_or(path);
    Some(format!(
        "{} is not what the types say: run ./dev schemas and check it in",
        path.display()
    ))
}
