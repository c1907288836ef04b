//! What clippy cannot see: arrows between crates, files, migrations, codes, and that every route has its lock.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use domain::{Choice, Permission, Role, fact::CATEGORIES};
use prometric_tests::{Route, Server, routes};
use reqwest::Method;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Who may depend on whom (architecture.md, "Layout").
const ARROWS: [(&str, &[&str]); 15] = [
    ("domain-derive", &[]), // what the domain would write by hand
    ("domain", &["domain-derive"]),
    ("log", &[]),
    ("eventstoredb", &["log"]), // the log in another protocol
    ("cluster", &["log"]),      // another log as this one's engine
    ("trace", &[]),
    ("commands", &["domain", "log", "trace"]),
    ("projections", &["domain", "log", "trace"]),
    ("sagas", &["domain", "log", "trace", "commands"]),
    ("signature", &[]),
    ("sheets", &[]),
    ("paper", &[]),
    ("files", &[]),
    (
        "api",
        &[
            "domain",
            "log",
            "eventstoredb",
            "cluster",
            "trace",
            "commands",
            "projections",
            "sagas",
            "signature",
            "sheets",
            "paper",
            "files",
        ],
    ),
    (
        "tests",
        &[
            "domain",
            "log",
            "cluster", // logs of tests have an engine
            "trace",
            "commands",
            "projections",
            "sagas",
            "api",
        ],
    ),
];

const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .unwrap()
}

/// Every file below that folder whose name ends so, by its path from the root.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(ending) {
                let below = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((below, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn no_crate_depends_on_another_but_as_the_architecture_says() {
    let metadata = metadata();
    let short = |name: &str| name.strip_prefix("prometric-").map(str::to_owned);
    let ours: BTreeSet<String> = metadata
        .packages
        .iter()
        .filter_map(|package| short(&package.name))
        .collect();
    let known: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(ours, known, "every crate has its verb");
    for package in &metadata.packages {
        let name = short(&package.name).unwrap();
        let allowed = ARROWS.iter().find(|(arrow, _)| *arrow == name).unwrap().1;
        for dependency in &package.dependencies {
            let Some(other) = short(&dependency.name).filter(|other| ours.contains(other)) else {
                continue;
            };
            assert!(allowed.contains(&other.as_str()), "{name} depends on {other}");
        }
    }
}

/// Mistakes on purpose are for `./dev wrong` alone: nothing that is shipped asks for them.
#[test]
fn no_product_is_built_with_mistakes() {
    for package in &metadata().packages {
        let asks = package
            .dependencies
            .iter()
            .any(|dependency| dependency.features.contains(&"wrong".to_owned()));
        let default = package
            .features
            .get("default")
            .is_some_and(|default| !default.is_empty());
        assert!(!asks && !default, "{}", package.name);
    }
}

#[test]
fn domain_has_no_io_no_clock_no_chance_and_no_floating_money() {
    let metadata = metadata();
    let domain = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "prometric-domain")
        .unwrap();
    let pure = [
        "chrono",
        "chrono-tz",
        "prometric-domain-derive",
        "rpds",
        "rust_decimal",
        "schemars",
        "serde",
        "serde_json",
        "strum",
        "thiserror",
        "uuid",
    ];
    let others: Vec<&str> = domain
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !pure.contains(name))
        .collect();
    assert!(others.is_empty(), "{others:?}: is that pure?");
    let banned = [
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant::now",
        "now_v7",
        "new_v4",
        "tokio",
        "sqlx",
        "reqwest",
        "std::fs",
        "std::net",
        "std::env",
        "rand::",
        "async fn",
        "thread_rng",
    ];
    // What only tests see may read the samples.
    let sources = files("domain/src", ".rs").into_iter();
    for (path, text) in sources.filter(|(path, _)| !path.starts_with("domain/src/testing")) {
        let rules = text.split("#[cfg(test)]").next().unwrap();
        for line in rules.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in banned {
                assert!(!line.contains(word), "{path}: {word} in {line}");
            }
            // Only where exact decimals meet JSON numbers.
            assert!(
                !line.contains("f64") && !line.contains("f32") || path == "domain/src/fixed.rs",
                "{path}: {line}"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_none_is_too_long() {
    let mut complaints = Vec::new();
    // What a program has written, nobody reads.
    let written = files("", ".rs")
        .into_iter()
        .filter(|(path, _)| !path.contains("/generated/"));
    for (path, text) in written {
        if !text.starts_with("//!") {
            complaints.push(format!("{path} does not begin with //!"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            complaints.push(format!("{path} has {lines} lines"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_migration_is_applied_by_somebody() {
    let sources: String = files("", ".rs").into_iter().map(|(_, text)| text).collect();
    let migrations = files("migrations", ".sql");
    assert!(migrations.len() >= 5, "{}", migrations.len());
    for (path, _) in migrations {
        assert!(sources.contains(&format!("{path}\")")), "nobody includes {path}");
    }
}

#[test]
fn every_rejection_has_a_code_of_its_own() {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for category in CATEGORIES {
        for code in category.rejections() {
            let (noun, reason) = code
                .split_once('.')
                .unwrap_or_else(|| panic!("{code} is not noun.reason"));
            let plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(plain(noun) && plain(reason), "{code} is not noun.reason");
            let other = owners.insert(code, category.name());
            assert_eq!(other, None, "{code} is {}'s as well", category.name());
        }
    }
    assert!(owners.len() >= 30, "{} codes", owners.len());
}

/// Answer without a token.
const PUBLIC: [&str; 22] = [
    "GET /config",
    "GET /health",
    "POST /auth/check-bin",
    "POST /auth/check-bin-employee",
    "POST /auth/check-email",
    "POST /auth/eds/nonce",
    "POST /auth/forgot-password",
    "POST /auth/login",
    "POST /auth/login-email",
    "POST /auth/refresh",
    "POST /auth/register",
    "POST /auth/resend-code",
    "POST /auth/reset-password",
    "POST /auth/verify-email",
    "POST /invitations/accept",
    "POST /quotes/accept",
    "POST /quotes/decline",
    "POST /quotes/open",
    "POST /quotes/pdf",
    "POST /users/register-employee",
    "POST /users/register-owner",
    "POST /users/verify-email",
];

/// Concern nobody but the caller, or tell a member of the workspace they are in. Whose data it is decides on rights for those of
/// privacy, and that stands in the body: `privacy` tries them with every role. An import is its sender's, and what it is of stands in the body:
/// `imports`.
const PERSONAL: [&str; 27] = [
    "GET /imports",
    "POST /imports",
    "GET /imports/{id}",
    "GET /imports/{id}/rows",
    "GET /imports/{id}/errors",
    "POST /imports/{id}/start",
    "POST /imports/{id}/cancel",
    "GET /auth/me",
    "GET /auth/second-factor",
    "GET /auth/sessions",
    "DELETE /auth/sessions/{id}",
    "POST /auth/change-password",
    "POST /auth/logout",
    "POST /auth/eds/link",
    "POST /privacy/erase",
    "GET /privacy/export",
    "POST /auth/logout-all",
    "POST /auth/second-factor",
    "POST /auth/second-factor/confirm",
    "POST /auth/second-factor/disable",
    "POST /auth/second-factor/recovery-codes",
    "GET /organizations",
    "POST /organizations",
    "GET /organizations/{id}",
    "PUT /organizations/{id}", // which role may is a test of its own: identity/organizations.rs
    "GET /workspaces",
    "GET /workspaces/{id}",
];

/// The right that a route asks for: what it is about, and what it does.
fn permission(route: &Route) -> Permission {
    let name = route.name();
    let (method, path) = name.split_once(' ').unwrap();
    let module = match path.split('/').collect::<Vec<_>>()[1] {
        "stock" if method == "GET" => "PRODUCTS".to_owned(),
        "categories" | "price-lists" | "prices" => "PRODUCTS".to_owned(),
        "warehouses" if method == "GET" => "PRODUCTS".to_owned(),
        "warehouses" => "STOCK".to_owned(),
        "stock" if path == "/stock/policy" => "FINANCE".to_owned(),
        "stock" => "STOCK".to_owned(),
        "admin" => "OPERATIONS".to_owned(),
        "api-keys" => "API_KEYS".to_owned(),
        "organizations" => "EMPLOYEES".to_owned(),
        "invitations" => "MEMBERS".to_owned(),
        "activities" | "quotes" => "DEALS".to_owned(),
        "pipelines" if method == "GET" => "DEALS".to_owned(),
        "pipelines" | "custom-fields" => "WORKSPACES".to_owned(),
        other => other.to_uppercase(),
    };
    let action = match (method, path) {
        ("POST", "/prices") => "UPDATE",
        ("POST", "/customers/duplicates") => "VIEW", // it asks, in a body
        ("POST" | "PUT" | "DELETE", path) if path.starts_with("/stock/") || path.starts_with("/warehouses") => "UPDATE",
        ("POST" | "PATCH" | "DELETE", path) if path.starts_with("/custom-fields") => "UPDATE",
        ("POST" | "PUT" | "DELETE", path) if path.starts_with("/pipelines") || path.starts_with("/activities") => {
            "UPDATE"
        }
        ("POST", path) if path.starts_with("/deals/bulk/") => "UPDATE",
        ("DELETE", path) if path.contains("/documents/") || path.contains("/images/") => "UPDATE",
        ("POST" | "DELETE", path) if path.starts_with("/api-keys") => "UPDATE",
        (_, path) if path.ends_with("/approve") || path.ends_with("/refuse") => "APPROVE",
        (_, path) if path.starts_with("/notifications") => "VIEW", // seeing them is all one does with them
        ("GET", "/customers/{id}/merge") => "UPDATE",              // who may not merge is not shown how it would be
        ("GET", _) => "VIEW",
        ("POST", path) if path.contains("{id}/") => "UPDATE",
        ("POST", _) => "CREATE",
        ("DELETE", _) => "DELETE",
        _ => "UPDATE",
    };
    let code = format!("{module}_{action}");
    let found = Permission::ALL.iter().find(|permission| permission.code() == code);
    *found.unwrap_or_else(|| panic!("{name} asks for {code}?"))
}

#[tokio::test]
async fn every_route_asks_who_calls_and_whether_they_may_before_it_looks_at_the_body() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let routes = routes(&server).await;
    let public: BTreeSet<String> = routes.iter().filter(|route| route.public).map(Route::name).collect();
    assert_eq!(
        public,
        PUBLIC.map(str::to_owned).into(),
        "nobody else answers without a token"
    );
    let id = Uuid::now_v7().to_string();
    let garbage = |method: &Method| (*method != Method::GET && *method != Method::DELETE).then(|| "{".to_owned());
    let path = |route: &Route| {
        let id = if route.name().ends_with("/workspaces/{id}") {
            &owner.workspace
        } else {
            &id
        };
        route.path_of(&owner.workspace, id)
    };
    let stranger = server.anonymous();
    for route in routes.iter().filter(|route| !route.public) {
        for path in [path(route), route.path_of("mine", "7")] {
            stranger
                .send(route.method.clone(), &path, garbage(&route.method), &[])
                .await
                .refused(401, "AUTH_UNAUTHORIZED");
        }
    }
    // There is always an owner.
    server.member(&owner, Role::Owner).await;
    let mut complaints = Vec::new();
    for role in Role::ALL.iter().copied() {
        server.enroll(&owner, role).await;
        for route in routes
            .iter()
            .filter(|route| !route.public && !PERSONAL.contains(&route.name().as_str()))
        {
            let permission = permission(route);
            let answer = owner
                .send(route.method.clone(), &path(route), garbage(&route.method), &[])
                .await;
            let error = &answer.body["error"];
            let forbidden = answer.status == 403
                && error["code"] == "AUTH_FORBIDDEN"
                && error["details"]["permission"] == permission.code();
            if role.allows(permission) && [401, 403, 500].contains(&answer.status)
                || !role.allows(permission) && !forbidden
            {
                complaints.push(format!(
                    "{} {} as {}: {} {}",
                    route.method,
                    path(route),
                    role.code(),
                    answer.status,
                    answer.body
                ));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
