//! A past that was written anew, with every hash after it: signed heads tell, and when the key was stolen too, whoever was
//! shown the old past.

use super::{Business, said};
use futures::StreamExt;
use prometric_tests::{eventually, free_port, nats_url};
use serde_json::Value;
use std::{fs, process::Child, time::Duration};
use tokio::task::block_in_place;

/// PKCS#8 of the seed of 32 bytes 2.
const WITNESS_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\n-----END PRIVATE KEY-----\n";

impl Business {
    /// Whoever owns the database changes what a deal was called, and computes all hashes anew.
    async fn rewrite_the_past(&self) {
        let workspace = &self.owner.workspace;
        let text = |column: &str| {
            format!("int8send(octet_length(convert_to(r.{column}, 'UTF8'))) || convert_to(r.{column}, 'UTF8')")
        };
        let (category, event_type) = (text("stream_category"), text("type"));
        self.execute(format!(
            "do $$ declare r record; h bytea := decode(repeat('00', 32), 'hex'); begin \
             update log.events set data = regexp_replace(data::text, '\"title\":\"[^\"]*\"', '\"title\":\"Another\"')::json \
                 where workspace_id = '{workspace}' and type = 'deal.created'; \
             for r in select * from log.events where workspace_id = '{workspace}' order by position loop \
                 h := sha256(h || uuid_send(r.workspace_id) || int8send(r.position) || {category} || {event_type} || uuid_send(r.stream_id) \
                     || int8send(r.version) || uuid_send(r.event_id) || int4send(r.schema) \
                     || int8send((extract(epoch from r.recorded_at) * 1000000)::bigint) \
                     || sha256(convert_to(r.data::text, 'UTF8')) || sha256(convert_to(r.metadata::text, 'UTF8'))); \
                 update log.events set hash = h where workspace_id = r.workspace_id and position = r.position; \
             end loop; \
             update log.heads set hash = h where workspace_id = '{workspace}'; \
             delete from log.trees where workspace_id = '{workspace}'; \
             if to_regclass('platform.signed_heads') is not null then \
                 delete from platform.signed_heads; delete from platform.head_receipts; \
             end if; end $$"
        ))
        .await;
    }
}

/// A witness in a process of its own.
struct Witness {
    url: String,
    words: Vec<String>,
    child: Option<Child>,
}

impl Witness {
    async fn start(business: &Business, address: &str) -> Self {
        let [folder, key] = ["witness", "witness.pem"].map(|name| business.file(name));
        fs::write(&key, WITNESS_KEY).unwrap();
        let words = [
            "witness", "serve", "--listen", address, "--data", &folder, "--key", &key,
        ];
        let mut witness = Self {
            url: format!("http://{address}"),
            words: words.map(str::to_owned).to_vec(),
            child: None,
        };
        witness.spawn(business).await;
        witness
    }

    async fn spawn(&mut self, business: &Business) {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        self.child = Some(business.server.start_tool(&words));
        let key = format!("{}/key", self.url);
        eventually("the witness answers", || async { reqwest::get(&key).await.ok() }).await;
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The latest position that it has seen of the business' workspace; `None` also when it is busy and does not say.
    async fn position(&self, business: &Business) -> Option<i64> {
        let workspace = business.owner.workspace.as_str();
        let words = [
            "audit",
            "verify",
            "--witness",
            self.url.as_str(),
            "--workspace",
            workspace,
        ];
        let asked = said(&block_in_place(|| business.server.tool(&words)));
        let (_, position) = asked.split_once("has seen position ")?;
        position.split_once(' ')?.0.parse().ok()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.words[5]).ok();
        fs::remove_file(&self.words[7]).ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_that_was_rewritten_is_told_by_signed_heads() {
    let mut business = Business::open().await;
    business.kill().await;
    let heads = business.file("heads.json");
    business.ask(&["audit", "heads", "--out", &heads]);
    business.rewrite_the_past().await;
    business.ask(&["audit", "verify"]); // in itself there is nothing wrong with it
    let wrong = business.complain(&["audit", "verify", "--against", &heads]);
    assert!(
        wrong.contains("WRONG") && wrong.contains("was rewritten after it was signed"),
        "{wrong}"
    );
    // With the key, the new past is signed as well as the old one was.
    business.ask(&["audit", "heads", "--out", &heads]);
    let whole = business.ask(&["audit", "verify", "--against", &heads]);
    assert!(whole.contains("1 signed heads agree"), "{whole}");
    fs::remove_file(heads).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_that_was_rewritten_and_signed_anew_is_told_by_the_witness() {
    let address = format!("127.0.0.1:{}", free_port());
    let (url, nats_url) = (format!("http://{address}"), nats_url());
    let env = [
        ("HEADS_EVERY", "1s"),
        ("WITNESSES", url.as_str()),
        ("NATS_URL", nats_url.as_str()),
    ];
    let nats = eventually("NATS answers", || async { async_nats::connect(&nats_url).await.ok() }).await;
    let mut business = Business::open_with(&env).await;
    let subject = format!("prometric-heads.{}", business.owner.workspace);
    let mut told = nats.subscribe(subject).await.unwrap();
    nats.flush().await.unwrap();
    let mut witness = Witness::start(&business, &address).await;
    let seen = eventually("the witness has seen it", || witness.position(&business)).await;

    // It forgets nothing, and is shown what comes.
    witness.kill();
    witness.spawn(&business).await;
    eventually("it still knows", || async {
        witness.position(&business).await.filter(|position| *position >= seen)
    })
    .await;
    let deal = business.owner.post("/deals", business.shop.deal(1)).await;
    deal.expect(201);
    let seen = eventually("the log has gone on", || async {
        witness.position(&business).await.filter(|position| *position > seen)
    })
    .await;
    let head = tokio::time::timeout(Duration::from_secs(60), told.next())
        .await
        .unwrap()
        .unwrap();
    let head: Value = serde_json::from_slice(&head.payload).unwrap();
    assert_eq!(head["workspace"], business.owner.workspace.as_str());
    let receipts = "select count(*) from platform.head_receipts where position = ".to_owned() + &seen.to_string();
    eventually("its receipt is kept", || async {
        let kept: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(receipts.as_str()))
            .fetch_one(&business.pool)
            .await
            .unwrap();
        (kept > 0).then_some(())
    })
    .await;

    let file = business.file("receipts.json");
    let written = business.server.tool(&["audit", "receipts", "--out", &file]);
    assert!(written.status.success(), "{}", said(&written));
    let whole = business.ask(&["audit", "verify", "--receipts", &file]);
    assert!(whole.contains("heads have receipts that hold"), "{whole}");

    business.kill().await;
    business.rewrite_the_past().await;
    business.ask(&["audit", "verify"]);
    let wrong = business.complain(&["audit", "verify", "--receipts", &file]);
    assert!(wrong.contains("was rewritten after it was signed"), "{wrong}");
    let receipts = fs::read_to_string(&file).unwrap();
    fs::write(&file, receipts.replacen("\"position\": ", "\"position\": 1", 1)).unwrap();
    let forged = business.complain(&["audit", "verify", "--receipts", &file]);
    assert!(forged.contains("the receipt's signature is forged"), "{forged}");
    fs::remove_file(file).unwrap();
    let wrong = business.complain(&["audit", "verify", "--witness", &url]);
    assert!(wrong.contains("was rewritten after it was signed"), "{wrong}");
    // The new past goes on and is signed with the same key: there is no way from the old one to it.
    business.server.spawn().await;
    let wrong = eventually("the witness has refused it", || async {
        let wrong = block_in_place(|| business.complain(&["audit", "verify", "--witness", &url]));
        wrong.contains("and has refused 1").then_some(wrong)
    })
    .await;
    assert!(wrong.contains("was rewritten after it was signed"), "{wrong}");
    let stranger = block_in_place(|| {
        business
            .server
            .tool(&["audit", "verify", "--witness", "http://127.0.0.1:1"])
    });
    assert_eq!(stranger.status.code(), Some(1), "{}", said(&stranger));
    assert!(said(&stranger).contains("cannot be asked"), "{}", said(&stranger));
}
