//! The trail on the command line and in files.

use super::{Business, each};
use prometric_tests::story::id;
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, process::Output};

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

impl Business {
    fn audit(&self, words: &[&str]) -> String {
        let workspace = ["--workspace", &self.owner.workspace];
        said(&self.server.tool(&[&["audit"], words, &workspace].concat()))
    }

    async fn stream(&self, path: &str) -> Vec<u8> {
        let url = format!("{}/api/v1{path}", self.server.url);
        let token = self.owner.token.as_deref().unwrap();
        let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap().to_vec()
    }

    fn file(&self, name: &str) -> String {
        self.server.mail_dir.with_extension(name).to_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_what_the_api_tells() {
    let business = Business::open().await;
    let told = business.audit(&["trail", "deals", &business.deal]);
    assert!(
        told.contains("was won for") && told.contains("Stage: \"") && told.contains("→ \"WON\""),
        "{told}"
    );
    assert!(
        business
            .audit(&["trail", "deals", &business.deal, "--lang", "kk"])
            .contains("жеңіп алынды")
    );
    let all = business.pages("/audit", 200).await;
    let lines = business.audit(&["trail", "--json", "--lang", "ru"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, all);
    let won = business.audit(&["trail", "--type", "deal.won", "--json"]);
    assert_eq!(won.lines().count(), 1);
    let wrong = business.server.tool(&[
        "audit",
        "trail",
        "spaceships",
        &business.deal,
        "--workspace",
        &business.owner.workspace,
    ]);
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("production-orders"));
    let platform = business
        .server
        .tool(&["audit", "trail", "--workspace", "00000000-0000-0000-0000-000000000000"]);
    assert!(said(&platform).contains("registered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_cut_off_goes_on_wherever_it_was_cut() {
    let business = Business::open().await;
    let body = json!({"name": "=cmd|' /C calc'!A0, \"Aldar\""});
    business.owner.post("/customers", body).await.expect(201);
    let all = business.pages("/audit", 200).await;
    for format in ["ndjson", "csv"] {
        let file = business.file(format);
        let export = ["export", "--format", format, "--out", &file, "--lang", "ru"];
        business.audit(&export);
        let whole = fs::read(&file).unwrap();
        let breaks = whole.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(breaks, all.len() + usize::from(format == "csv"));
        for cut in [0, 1, 5, whole.len() / 3, whole.len() / 2, whole.len() - 1, whole.len()] {
            fs::write(&file, &whole[..cut]).unwrap();
            business.audit(&export);
            assert!(fs::read(&file).unwrap() == whole, "{format} cut at {cut}");
        }
        let streamed = business.stream(&format!("/audit/export?format={format}")).await;
        assert!(streamed == whole, "{format}: the stream is the file");
        // Another's file is left alone.
        fs::write(&file, "my diary\nis mine").unwrap();
        let words = [
            "audit",
            "export",
            "--format",
            format,
            "--out",
            &file,
            "--workspace",
            &business.owner.workspace,
        ];
        assert!(!business.server.tool(&words).status.success());
        assert_eq!(fs::read_to_string(&file).unwrap(), "my diary\nis mine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_computes_nothing_of_it() {
    let business = Business::open().await;
    let name = "=1+1, \"Aldar\"\nTwo";
    let customer = id(&business
        .owner
        .post("/customers", json!({"name": name}))
        .await
        .expect(201));
    let file = business.file("formula.csv");
    business.audit(&["export", "--format", "csv", "--out", &file]);
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().find(|line| line.contains(&customer)).unwrap();
    assert!(line.contains("\"\"Aldar\"\" Two"), "{line}");
    for line in text.lines() {
        for field in line.split(',') {
            let field = field.trim_start_matches('"');
            assert!(!field.starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
    let streamed = business
        .owner
        .send(Method::GET, "/audit/export?format=xls", None, &[])
        .await;
    streamed.refused(400, "VALIDATION_FAILED");
    let all = business.pages("/audit", 200).await;
    assert_eq!(text.lines().count(), all.len() + 1);
    assert_eq!(each(&all, "position").len(), all.len());
}
