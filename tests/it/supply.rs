//! What comes in from outside: licences, sources, crates that we do not want, and crates that come in two versions. Read
//! from what cargo has fetched for this machine, so that it takes neither a tool nor a network.

use cargo_metadata::{Metadata, MetadataCommand, Package};
use spdx::{Expression, ParseMode};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

/// All that the tree has today. None of them asks anything of our own code; a new one is to be read before it is added.
const LICENCES: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

const UNWANTED: [(&str, &str); 3] = [
    (
        "openssl-sys",
        "one TLS stack: rustls with ring; no system library to match",
    ),
    (
        "aws-lc-sys",
        "one crypto provider: with two of them rustls refuses to choose, and this one needs a C build",
    ),
    (
        "rsa",
        "it leaks its key through timing (RUSTSEC-2023-0071), and we sign with Ed25519 only",
    ),
];

/// Crates that come in several versions, and who keeps the old one here. It costs time to build, and nothing else.
const TWICE: [(&str, &str); 17] = [
    ("base64", "ours and most others', before lettre's and reqwest's"),
    ("block-buffer", "digest 0.10"),
    ("constant_time_eq", "totp-rs, and zip of calamine"),
    ("cpufeatures", "curve25519-dalek and sha2 0.10"),
    ("crypto-common", "digest 0.10"),
    ("digest", "curve25519-dalek and sha2 0.10"),
    ("getrandom", "ring, and rand_core 0.9"),
    ("hashbrown", "sqlx-core and metrics-util"),
    (
        "hmac",
        "ours goes with sha2 0.10, as the log's hashes do; sqlx has the newer",
    ),
    ("miniz_oxide", "png, of image"),
    ("quick-xml", "object_store, before calamine's"),
    ("rand", "metrics-util"),
    ("rand_core", "ed25519-dalek, and rand 0.9"),
    ("sha2", "ed25519-dalek and sqlx-core"),
    ("spin", "multer, of axum; crc-fast of object_store has the newer"),
    ("syn", "tracing, strum and half a dozen more"),
    ("tower-http", "reqwest"),
];

/// A commit elsewhere can vanish; what is released can be pinned and mirrored.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn told_by(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(said.status.success(), "{program} {arguments:?}: {said:?}");
    String::from_utf8(said.stdout).unwrap()
}

/// Ours and all that they stand on, on a machine such as this one.
fn tree() -> Metadata {
    let said = told_by("rustc", &["-vV"]);
    let machine = said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--offline", "--locked", "--filter-platform", machine];
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options.map(str::to_owned))
        .exec()
        .unwrap()
}

fn from_outside(tree: &Metadata) -> Vec<&Package> {
    let outside: Vec<&Package> = tree
        .packages
        .iter()
        .filter(|package| package.source.is_some())
        .collect();
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
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_none())
        {
            assert_ne!(
                dependency.req.to_string(),
                "*",
                "{} of {}",
                dependency.name,
                package.name
            );
        }
    }
}

#[test]
fn no_crate_comes_twice_unless_it_is_known_why() {
    let built = features("normal,build,dev");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in built.keys() {
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        versions.entry(name).or_default().insert(version);
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
        assert!(
            versions.contains_key(name),
            "{name} comes once by now: strike it off TWICE"
        );
    }
}

/// Every crate in this part of the tree, and which of its features are on. Cargo unites the features that are asked for.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let tree = [
        "tree",
        "--offline",
        "--locked",
        "--workspace",
        "--prefix",
        "none",
        "--format",
        "{p};{f}",
        "--edges",
        edges,
    ];
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in told_by("cargo", &tree).lines().filter(|line| !line.is_empty()) {
        let (package, features) = line.trim_end_matches(" (*)").split_once(';').unwrap();
        found.entry(package.to_owned()).or_default().insert(features.to_owned());
    }
    found
}

#[test]
fn what_only_tests_use_changes_nothing_in_what_is_shipped() {
    let (shipped, tested) = (features("normal,build"), features("normal,build,dev"));
    assert!(shipped.len() > 100 && tested.len() >= shipped.len());
    for (package, features) in shipped {
        assert_eq!(
            tested[&package], features,
            "{package} has more features beside the tests: they would meet another program, and all that stands on it would be built twice"
        );
    }
}
