//! A workspace's people go with it: who is not known where it arrives signs in there as before, who is stays who they are, and where
//! somebody cannot come nothing goes.

use super::*;
use crate::identity::factor::switch_on;
use commands::{Actor, Context, Executor};
use domain::{
    Role,
    id::{UserId, WorkspaceId},
    identity::{
        user::{Registered, User, UserCommand},
        workspace::{Workspace, WorkspaceCommand},
    },
};
use log::Log;
use reqwest::Method;
use tokio::task::block_in_place;
use uuid::Uuid;

/// Of everybody whom the tests' servers know.
const PASSWORD: &str = "SecurePassword123";
const ANOTHER: &str = "AnotherPassword456";

/// A file with a master key, for two servers; gone with the test.
struct MasterKeys(String);

impl MasterKeys {
    fn draw() -> Self {
        let file = std::env::temp_dir().join(format!("prometric-keys-{}", Uuid::now_v7()));
        fs::write(&file, "both AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n").unwrap();
        Self(file.to_str().unwrap().to_owned())
    }

    fn env(&self) -> [(&str, &str); 1] {
        [("PERSONAL_KEYS_FILE", &self.0)]
    }
}

impl Drop for MasterKeys {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

fn tool(server: &Server, words: &[&str], env: &[(&str, &str)]) -> Output {
    block_in_place(|| server.start_tool_with(words, env).wait_with_output().unwrap())
}

async fn email_of(person: &Client) -> String {
    let me = person.get("/auth/me").await.expect(200);
    me["email"].as_str().unwrap().to_owned()
}

async fn log_in(server: &Server, email: &str, password: &str, code: Option<String>) -> u16 {
    let body = json!({"email": email, "password": password, "code": code});
    server.anonymous().post("/auth/login", body).await.status
}

/// A company's owner with this address and another password.
async fn register(server: &Server, email: &str) -> Client {
    let body = json!({"email": email, "password": ANOTHER, "firstName": "Тот", "lastName": "Самый", "bin": "987654321098", "companyName": "ТОО Другая"});
    let mut client = server.anonymous();
    client.post("/users/register-owner", body).await.expect(201);
    let code = server.code_for(email).await;
    let verified = client.post("/users/verify-email", json!({"email": email, "code": code}));
    verified.await.expect(200);
    client.sign_in(email, ANOTHER).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_where_their_workspace_went() {
    let keys = MasterKeys::draw();
    let business = Business::open_with(&keys.env()).await;
    let there = Server::start_with(&keys.env()).await;
    let Business { server, owner, .. } = &business;
    let seller = server.member(owner, Role::Manager).await;
    let both = server.member(owner, Role::Accountant).await;
    let former = server.member(owner, Role::Employee).await;
    let (app, _) = switch_on(&seller).await;
    let [its_owner, seller_s, shared, gone] = [
        email_of(owner).await,
        email_of(&seller).await,
        email_of(&both).await,
        email_of(&former).await,
    ];
    let members = owner.items("/members").await;
    let member = members.iter().find(|member| member["userId"] == former.user.as_str());
    let path = format!("/members/{}", member.unwrap()["id"].as_str().unwrap());
    owner.send(Method::DELETE, &path, None, &[]).await.expect(200);
    let theirs = register(&there, &shared).await;
    let deals = owner.items("/deals").await;

    let picture = format!("{}/picture", owner.workspace);
    fs::create_dir_all(server.files_dir().join(&owner.workspace)).unwrap();
    fs::write(server.files_dir().join(&picture), "a picture").unwrap();
    let (to, files) = (&there.database_url, there.files_dir());
    let files = files.to_str().unwrap();
    let words = ["workspace", "move", &owner.workspace, "--to", to, "--files-to", files];
    let moved = tool(server, &words, &keys.env());
    assert!(moved.status.success(), "{}", said(&moved));
    let told = "people: 2 accounts came along, 1 are known there and sign in as they do, 1 are known by name";
    assert!(said(&moved).contains(told), "{}", said(&moved));
    assert!(
        said(&moved).contains("its 1 files are in the folder"),
        "{}",
        said(&moved)
    );
    assert_eq!(fs::read(there.files_dir().join(&picture)).unwrap(), b"a picture");

    // The owner, with the password from here and all that was there.
    eventually("the owner signs in there", || async {
        (log_in(&there, &its_owner, PASSWORD, None).await == 200).then_some(())
    })
    .await;
    let mut moved = there.anonymous();
    moved.sign_in(&its_owner, PASSWORD).await;
    assert_eq!((&moved.user, &moved.workspace), (&owner.user, &owner.workspace));
    eventually("the deals are there as they were", || async {
        let list = moved.get("/deals").await;
        (list.body["data"]["items"] == Value::from(deals.clone())).then_some(())
    })
    .await;
    moved.post("/deals", business.shop.deal(1)).await.expect(201);
    let here = owner.post("/deals", business.shop.deal(1)).await;
    here.refused(503, "SERVICE_UNAVAILABLE");

    // Whoever signed in with a second factor still does, by the same app.
    assert_ne!(log_in(&there, &seller_s, PASSWORD, None).await, 200);
    assert_eq!(log_in(&there, &seller_s, PASSWORD, Some(app.code(1))).await, 200);

    // Who was known there is who they were, and enters.
    assert_ne!(log_in(&there, &shared, PASSWORD, None).await, 200);
    assert_eq!(log_in(&there, &shared, ANOTHER, None).await, 200);
    assert_ne!(theirs.user, both.user);
    let shown = theirs
        .get(&format!("/workspaces/{}", owner.workspace))
        .await
        .expect(200);
    assert_eq!(shown["role"], Role::Accountant.code());
    let home = theirs
        .get(&format!("/workspaces/{}", theirs.workspace))
        .await
        .expect(200);
    assert_eq!(home["role"], Role::Owner.code(), "what was theirs there is");

    // Whoever has left signs in nowhere, and events that name them, or whom they were here, tell their names.
    assert_ne!(log_in(&there, &gone, PASSWORD, None).await, 200);
    let names = "select first_name || ' ' || last_name from platform.users where id = $1::uuid and email is null and username is null";
    for person in [&both, &former] {
        let name: String = sqlx::query_scalar(names)
            .bind(&person.user)
            .fetch_one(&there.pool().await)
            .await
            .unwrap();
        assert_eq!(name, "Имя Фамилия");
    }
    let verified = tool(&there, &["audit", "verify"], &keys.env());
    assert!(verified.status.success(), "{}", said(&verified));
}

/// Registers somebody by a user name, in that log.
async fn register_by_name(log: &Log, username: &str) -> UserId {
    let id = UserId::new(Uuid::now_v7());
    let registered = Registered {
        email: None,
        username: Some(username.to_owned()),
        first_name: "Кассир".to_owned(),
        last_name: String::new(),
        phone: None,
        organization_id: None,
    };
    let context = Context::new(WorkspaceId::PLATFORM, Actor::System, Utc::now());
    let register = UserCommand::Register(registered);
    let registered = Executor::new(log.clone());
    registered.execute::<User>(id, &register, &context).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn people_go_by_a_file_and_where_one_cannot_come_nothing_goes() {
    let business = Business::open().await;
    let Business {
        server, owner, pool, ..
    } = &business;
    let (taken, elsewhere) = (Database::create().await, Database::create().await);
    let here = Log::open(server.database_url.parse().unwrap(), pool.clone())
        .await
        .unwrap();
    let cashier = register_by_name(&here, "kassir").await;
    let add = WorkspaceCommand::AddMember {
        user_id: cashier,
        access: Role::Cashier.into(),
        by: None,
    };
    let context = Context::new(WorkspaceId::PLATFORM, Actor::System, Utc::now());
    let workspace: Uuid = owner.workspace.parse().unwrap();
    let executor = Executor::new(here.clone());
    executor
        .execute::<Workspace>(workspace.into(), &add, &context)
        .await
        .unwrap();

    // Somebody else has that user name there: nothing goes, and nothing was closed.
    let taken_log = taken.log().await;
    register_by_name(&taken_log, "kassir").await;
    let refused = tool(
        server,
        &["workspace", "move", &owner.workspace, "--to", &taken.url],
        &[],
    );
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let why = format!("user {cashier}: their user name is that of user");
    assert!(said(&refused).contains(&why), "{}", said(&refused));
    assert_eq!(taken_log.head(workspace).await.unwrap(), 0);
    owner.post("/deals", business.shop.deal(1)).await.expect(201);

    let [log_file, accounts] = ["export", "accounts"].map(|name| business.file(name));
    tool(server, &["workspace", "close", &owner.workspace], &[]);
    let words = [
        "workspace",
        "export",
        &owner.workspace,
        "--out",
        &log_file,
        "--accounts",
        &accounts,
    ];
    let exported = tool(server, &words, &[]);
    assert!(exported.status.success(), "{}", said(&exported));
    let text = fs::read_to_string(&accounts).unwrap();
    for secret in ["@company.kz", "kassir", "Фамилия", "argon2"] {
        assert!(!text.contains(secret), "{secret} is in the clear: {text}");
    }
    // What has wrapped the keys comes another way, as with the log.
    let master: (String, Vec<u8>, Option<Vec<u8>>) =
        sqlx::query_as("select id, fingerprint, secret from log.master_keys")
            .fetch_one(pool)
            .await
            .unwrap();
    elsewhere.log().await;
    sqlx::query("insert into log.master_keys (id, fingerprint, secret) values ($1, $2, $3)")
        .bind(master.0)
        .bind(master.1)
        .bind(master.2)
        .execute(&elsewhere.pool().await)
        .await
        .unwrap();
    let import = [
        "workspace",
        "import",
        &log_file,
        "--accounts",
        &accounts,
        "--database-url",
        &elsewhere.url,
    ];
    let imported = tool(server, &import, &[]);
    let told = "people: 2 accounts came along, 0 are known there";
    assert!(
        imported.status.success() && said(&imported).contains(told),
        "{}",
        said(&imported)
    );
    // Again: everybody is there, and nothing becomes of it.
    let head = elsewhere.log().await.head(WorkspaceId::PLATFORM.uuid()).await.unwrap();
    let again = tool(server, &import, &[]);
    let told = "people: 0 accounts came along, 2 are known there";
    assert!(
        again.status.success() && said(&again).contains(told),
        "{}",
        said(&again)
    );
    let still = elsewhere.log().await.head(WorkspaceId::PLATFORM.uuid()).await.unwrap();
    assert_eq!(head, still);

    let there = Server::start_on(&elsewhere.url).await;
    let mut moved = there.anonymous();
    let email = email_of(owner).await;
    eventually("the owner signs in there", || async {
        (log_in(&there, &email, PASSWORD, None).await == 200).then_some(())
    })
    .await;
    moved.sign_in(&email, PASSWORD).await;
    eventually("the deals are there", || async {
        (moved.get("/deals").await.status == 200).then_some(())
    })
    .await;
    moved.post("/deals", business.shop.deal(1)).await.expect(201);
    [log_file, accounts]
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
}
