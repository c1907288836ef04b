//! Schemathesis reads the document and tries whatever it allows and forbids, on a workspace with one of everything. What
//! it checks, how long and with which exceptions stands in `dev.d/schemathesis.toml`; `./dev test` installs it.

use crate::eds::Office;
use prometric_tests::{Client, Server, Yard};
use serde_json::{Value, json};
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
    let said = tokio::task::spawn_blocking(move || run(&program, &root, &office.server, &yard, &workspace, &session));
    let (succeeded, said) = said.await.unwrap();
    println!("{said}");
    assert!(succeeded, "{said}");
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

fn run(program: &Path, root: &Path, server: &Server, yard: &Yard, workspace: &Value, session: &str) -> (bool, String) {
    let token = yard.owner.token.as_deref().unwrap_or_default();
    let output = Command::new(program)
        .arg("--no-color")
        .arg("--config-file")
        .arg(root.join("dev.d/schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", server.url)])
        .current_dir(root)
        .env("TOKEN", token)
        .env("WORKSPACE", &yard.owner.workspace)
        .env("TENANT_KEY", workspace["tenantKey"].as_str().unwrap())
        .env("ORGANIZATION", workspace["organizationId"].as_str().unwrap())
        .env("SESSION", session)
        .output()
        .expect("schemathesis");
    let said = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
    (output.status.success(), said.concat())
}
