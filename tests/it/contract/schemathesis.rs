//! Schemathesis reads the document and tries whatever it allows and forbids, on a workspace with one of everything. What
//! it checks, how long and with which exceptions stands in `dev.d/schemathesis.toml`; `./dev test` installs it.

use super::things::Things;
use crate::eds::Office;
use prometric_tests::{Client, Yard};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_knows_only_the_document_finds_nothing() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let program = root.join(".dev/schemathesis/bin/schemathesis");
    if !program.exists() {
        eprintln!(
            "SKIPPED: no schemathesis in .dev; `./dev test` installs it where there is Python and a package index"
        );
        return;
    }
    let office = Office::open(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let yard = Yard::open(&office.server).await;
    let workspace = yard
        .owner
        .get(&format!("/workspaces/{}", yard.owner.workspace))
        .await
        .expect(200);
    let session = another_session(&yard.owner).await;
    let things = Things::of(&office.server, &yard).await;
    let told = [
        ("TOKEN", yard.owner.token.clone().unwrap_or_default()),
        ("WORKSPACE", yard.owner.workspace.clone()),
        ("TENANT_KEY", workspace["tenantKey"].as_str().unwrap().to_owned()),
        ("ORGANIZATION", workspace["organizationId"].as_str().unwrap().to_owned()),
        ("SESSION", session),
        ("THINGS", json!(things).to_string()),
    ];
    let said = tokio::task::spawn_blocking(move || run(&program, &root, &office.server.url, &told));
    let (succeeded, said) = said.await.unwrap();
    println!("{said}");
    assert!(succeeded, "{said}");
    let unreached = unreached(&said);
    assert_eq!(
        unreached, OUT_OF_REACH,
        "answered nothing but 404: they lack things to be tried on"
    );
}

/// What is opened by a token that only a mail tells.
const OUT_OF_REACH: [&str; 2] = ["POST /api/v1/quotes/open", "POST /api/v1/quotes/pdf"];

/// Operations that the tool says it has found nothing behind. The longer form of a path has too few tries to be judged by.
fn unreached(said: &str) -> Vec<&str> {
    let (_, after) = said.split_once("\nMissing test data").unwrap_or_default();
    let (listed, _) = after.split_once("\nSchema validation mismatch").unwrap_or((after, ""));
    let (listed, _) = listed.split_once("= SUMMARY =").unwrap_or((listed, ""));
    let operations = listed.lines().filter_map(|line| line.trim().strip_prefix("- "));
    operations.filter(|operation| !operation.contains("{wsId}")).collect()
}

/// One more that the owner has, beside that of their token.
async fn another_session(owner: &Client) -> String {
    let email = owner.get("/auth/me").await.expect(200)["email"].clone();
    let signing_in = json!({"email": email, "password": "SecurePassword123"});
    owner.with_token(None).post("/auth/login", signing_in).await.expect(200);
    let sessions = owner.get("/auth/sessions").await.expect(200);
    let items = sessions["items"].as_array().or(sessions.as_array()).unwrap();
    let other = items.iter().find(|session| session["current"] == json!(false)).unwrap();
    other["id"].as_str().unwrap().to_owned()
}

fn run(program: &Path, root: &Path, url: &str, told: &[(&str, String)]) -> (bool, String) {
    let output = Command::new(program)
        .arg("--no-color")
        .arg("--config-file")
        .arg(root.join("dev.d/schemathesis.toml"))
        .args(["run", &format!("{url}/openapi.json")])
        .current_dir(root)
        .envs(told.iter().map(|(name, value)| (*name, value)))
        .output()
        .expect("schemathesis");
    let said = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
    (output.status.success(), said.concat())
}
