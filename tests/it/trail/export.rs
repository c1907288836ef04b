//! The trail on the command line and in files.

use super::Business;
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
    let tree = business.audit(&["trail", "--correlation", &business.deal]);
    let lines: Vec<&str> = tree.lines().filter(|line| line.contains(" #")).collect();
    let is_indented = |line: &&str| line.starts_with("    2");
    assert!(
        lines[0].contains("was won") && !is_indented(&lines[0]) && lines[1..].iter().any(is_indented),
        "{tree}"
    );
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

/// The fields of a record, as RFC 4180 has them.
fn fields(record: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    let mut letters = record.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = fields.last_mut().unwrap();
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => last.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => last.push(letter),
        }
    }
    assert!(!is_quoted, "{record}");
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_reads_it_and_computes_nothing_of_it() {
    let business = Business::open().await;
    let body = json!({"name": "=1+1, \"Aldar\""});
    business.owner.post("/customers", body).await.expect(201);
    let text = String::from_utf8(business.stream("/audit/export?format=csv").await).unwrap();
    let records: Vec<Vec<String>> = text.strip_suffix("\r\n").unwrap().split("\r\n").map(fields).collect();
    let column = |name: &str| records[0].iter().position(|field| field == name).unwrap();
    let all = business.pages("/audit", 200).await;
    assert_eq!(records.len(), all.len() + 1);
    for (record, entry) in records[1..].iter().zip(&all) {
        assert_eq!(record.len(), records[0].len());
        assert_eq!(record[column("position")], entry["position"].to_string());
        assert_eq!(record[column("sentence")], entry["sentence"].as_str().unwrap());
        assert_eq!(record[column("at")], entry["at"].as_str().unwrap());
        let changes: Value = serde_json::from_str(&record[column("changes")]).unwrap();
        assert_eq!(changes, entry["changes"]);
        let formula = record.iter().find(|field| field.starts_with(['=', '+', '-', '@']));
        assert_eq!(formula, None);
    }
    let streamed = business.owner.get("/audit/export?format=xls").await;
    streamed.refused(400, "VALIDATION_FAILED");
    business.owner.get("/audit/export").await.refused(400, "REQUIRED_FIELD");
    let half = all.len() / 2;
    let rest = business
        .stream(&format!("/audit/export?format=csv&cursor={half}"))
        .await;
    assert!(text.as_bytes().ends_with(&rest) && rest.iter().filter(|byte| **byte == b'\n').count() == all.len() - half);
}
