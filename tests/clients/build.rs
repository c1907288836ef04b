//! Finds the integration tests that the clients' packages bring along, where cargo has put the packages, and writes a file for each
//! client that has them compiled as they stand there. Nothing in them is changed and nothing is copied: `include!` takes a file into
//! a module, where a function beside it can call those tests that are private, one at a time, instead of all in a row as their
//! own `tests` does. Around them we put what they find around them at home: `crate::common` and the crate `names`, both with
//! names of streams to which outside systems may append here (`src/published/common.rs`, `names.rs`).
//!
//! Of a package without its tests the file says that there are none.

use serde_json::Value;
use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

type Done<T> = Result<T, Box<dyn Error>>;

const CLIENTS: [&str; 2] = ["kurrentdb", "eventstore"];
/// Files of tests, and whether they are compiled: of the others every test asks for what is not served.
const FILES: [(&str, bool); 4] = [
    ("streams", true),
    ("persistent_subscriptions", true),
    ("operations", false),
    ("projections", false),
];
const REASON: &str = "other people's code, whose own entry is not called";

/// A function that a file's `tests` calls.
struct Test<'a> {
    name: &'a str,
    wants_names: bool,
}

fn main() -> Done<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let (packages, out) = (packages()?, PathBuf::from(env::var("OUT_DIR")?));
    for client in CLIENTS {
        let tests = folder(&packages, client)?.join("tests");
        println!("cargo::rerun-if-changed={}", tests.display());
        fs::write(out.join(client).with_extension("rs"), written(client, &tests)?)?;
    }
    Ok(())
}

/// Where cargo has them, vendored or from the registry. All that is built is there already, so nothing is fetched.
fn packages() -> Done<Value> {
    let told = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &env::var("TARGET")?])
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    match told.status.success() {
        true => Ok(serde_json::from_slice(&told.stdout)?),
        false => Err(String::from_utf8_lossy(&told.stderr).into()),
    }
}

fn folder(metadata: &Value, client: &str) -> Done<PathBuf> {
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let package = packages.iter().find(|package| package["name"] == client);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.ok_or_else(|| format!("no package {client}"))?.to_owned())
}

/// The file that `src/published/{client}.rs` includes: the list of tests, and a function that calls one of them.
fn written(client: &str, tests: &Path) -> Done<String> {
    let (mut list, mut modules, mut calls) = (String::new(), String::new(), String::new());
    if tests.join("api").exists() {
        modules = around(&tests.join("common.rs"))?;
        for (file, is_compiled) in FILES {
            let path = tests.join("api").join(file).with_extension("rs");
            let text = fs::read_to_string(&path)?;
            let found = found(&text);
            if found.is_empty() {
                return Err(format!("no tests were found in {}", path.display()).into());
            }
            for Test { name, .. } in &found {
                writeln!(list, "    \"{file}::{name}\",")?;
            }
            if is_compiled {
                modules += &module(file, &path, &found)?;
                writeln!(
                    calls,
                    "        Some((\"{file}\", name)) => {file}::call(name, client).await,"
                )?;
            }
        }
    }
    Ok(format!(
        "const TESTS: &[&str] = &[\n{list}];\n\n{modules}\
         #[allow(unused_variables, reason = \"{REASON}\")]\n\
         async fn call(test: &str, client: &{client}::Client) -> eyre::Result<()> {{\n    \
             match test.split_once(\"::\") {{\n{calls}        \
                 _ => eyre::bail!(\"{{test}} is not compiled\"),\n    \
             }}\n}}\n"
    ))
}

/// What the tests find around them: our own, and of theirs what ours calls.
fn around(common: &Path) -> Done<String> {
    let ours = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("src/published");
    let (our_common, names) = (ours.join("common.rs"), ours.join("names.rs"));
    Ok(format!(
        "#[path = {our_common:?}]\nmod common;\n#[path = {names:?}]\nmod names;\n\
         #[allow(clippy::all, reason = \"{REASON}\")]\nmod theirs {{\n    include!({common:?});\n}}\n\n"
    ))
}

/// A file of tests as it stands there, and beside it a function that calls one of them.
fn module(file: &str, path: &Path, found: &[Test]) -> Done<String> {
    let mut calls = String::new();
    for Test { name, wants_names } in found {
        let names = if *wants_names {
            ", &mut names::Generator::default()"
        } else {
            ""
        };
        writeln!(calls, "            \"{name}\" => {name}(client{names}).await?,")?;
    }
    Ok(format!(
        "#[allow(clippy::all, dead_code, unused_imports, reason = \"{REASON}\")]\n\
         mod {file} {{\n    use crate::names;\n    include!({path:?});\n\n    \
             pub async fn call(test: &str, client: &Client) -> eyre::Result<()> {{\n        \
                 match test {{\n{calls}            \
                     _ => eyre::bail!(\"there is no {{test}}\"),\n        \
                 }}\n        Ok(())\n    }}\n}}\n\n"
    ))
}

/// Those that the file's own `tests` calls, in the order in which they stand there.
fn found(text: &str) -> Vec<Test<'_>> {
    let Some((functions, entry)) = text.split_once("\npub async fn tests(") else {
        return vec![];
    };
    let tests = functions.split("\nasync fn ").skip(1).filter_map(|function| {
        let (head, _) = function.split_once('{')?;
        let (name, parameters) = head.split_once('(')?;
        entry.contains(&format!(" {name}(")).then(|| Test {
            name,
            wants_names: parameters.contains("names::Generator"),
        })
    });
    tests.collect()
}
