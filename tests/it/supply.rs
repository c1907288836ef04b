//! What comes in from outside: licences, sources, crates that we do not want, and crates that come in two versions. Read
//! from what cargo has fetched for this machine, so that it takes neither a tool nor a network.

use cargo_metadata::{Metadata, MetadataCommand, Package};
use spdx::{Expression, ParseMode};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// All that the tree has today. None of them asks anything of our own code; a new one is to be read before it is added.
const LICENCES: [&str; 9] = [
    "0BSD",
    "Apache-2.0",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

const UNWANTED: [(&str, &str); 4] = [
    ("openssl-sys", "one TLS stack: rustls with ring; no system library to match"),
    (
        "aws-lc-sys",
        "one crypto provider: with two of them rustls refuses to choose, and this one needs a C build",
    ),
    (
        "rsa",
        "it leaks its key through timing (RUSTSEC-2023-0071), and we sign with Ed25519 only",
    ),
    ("utoipa-swagger-ui", "PLACEHOLDER"),
];

/// Crates that come in several versions: who holds the old one. It costs time to build, and nothing else.
const TWICE: [(&str, &str); 1] = [("base64", "PLACEHOLDER")];

/// A commit elsewhere can vanish; what is released can be pinned and mirrored.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Ours and all that they stand on, on a machine such as this one.
fn tree() -> Metadata {
    let said = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let machine = said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--offline", "--locked", "--filter-platform", machine];
    MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Cargo.toml"))
        .other_options(options.map(str::to_owned))
        .exec()
        .unwrap()
}

fn from_outside(tree: &Metadata) -> Vec<&Package> {
    let outside: Vec<&Package> = tree.packages.iter().filter(|package| package.source.is_some()).collect();
    assert!(outside.len() > 100, "only {}: is that all of it?", outside.len());
    outside
}

/// May we use what is under this expression? `OR` leaves the choice to us.
fn allowed(licence: &str) -> bool {
    let expression = Expression::parse_mode(licence, ParseMode::LAX).unwrap();
    expression.evaluate(|wanted| {
        let id = wanted.license.id().map(|id| id.name);
        wanted.addition.is_none() && id.is_some_and(|id| LICENCES.contains(&id))
    })
}

#[test]
fn every_licence_is_one_that_was_read() {
    assert!(allowed("GPL-2.0-only OR MIT") && allowed("(MIT/Apache-2.0) AND ISC"));
    assert!(!allowed("MIT AND GPL-2.0-only") && !allowed("AGPL-3.0-only"));
    let tree = tree();
    for package in from_outside(&tree) {
        let licence = package.license.as_deref().unwrap_or("nothing");
        assert!(
            package.license.is_some() && allowed(licence),
            "{} {} is under {licence}",
            package.name,
            package.version
        );
    }
}

#[test]
fn every_crate_is_released_wanted_and_asked_for_by_version() {
    let tree = tree();
    for package in from_outside(&tree) {
        let source = &package.source.as_ref().unwrap().repr;
        assert_eq!(source, REGISTRY, "{} {}", package.name, package.version);
        let unwanted = UNWANTED.iter().find(|(name, _)| *name == package.name.as_str());
        assert_eq!(unwanted, None, "{} came in", package.name);
    }
    for package in tree.workspace_packages() {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_none()) {
            assert_ne!(dependency.req.to_string(), "*", "{} of {}", dependency.name, package.name);
        }
    }
}

#[test]
fn no_crate_comes_twice_unless_it_is_known_why() {
    let tree = tree();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in from_outside(&tree) {
        versions.entry(package.name.as_str()).or_default().insert(package.version.to_string());
    }
    versions.retain(|_, versions| versions.len() > 1);
    let known: BTreeSet<&str> = TWICE.iter().map(|(name, _)| *name).collect();
    for (name, versions) in &versions {
        assert!(
            known.contains(name),
            "{name} comes as {versions:?}: use one of them, or say in TWICE who holds the other (cargo tree -i {name}@…)"
        );
    }
    for name in known {
        assert!(versions.contains_key(name), "{name} comes once by now: strike it off TWICE");
    }
}
