//! Employees and departments in document 2's shapes, and how an employee comes in, goes and comes back.

use super::{PASSWORD, employ, newcomer};
use prometric_tests::{
    Server,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_waits_is_approved_and_signs_in() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let department = owner
        .post("/departments", json!({"name": "Sales Department", "code": "SALES"}))
        .await
        .expect(201);
    let mut body = newcomer("New.Employee@Company.kz", "manager");
    body["departmentId"] = department["id"].clone();
    body["permissions"] = json!(["FINANCE_VIEW"]);
    let created = owner.post("/employees", body.clone()).await.expect(201);
    assert_eq!(
        (&created["email"], &created["status"], &created["message"]),
        (
            &json!("new.employee@company.kz"),
            &json!("pending"),
            &json!("Employee created, awaiting approval")
        )
    );
    let email = "new.employee@company.kz";
    let sign_in = async || {
        let asked = json!({"email": email, "password": PASSWORD});
        server.anonymous().post("/auth/login", asked).await
    };
    sign_in().await.refused(401, "AUTH_INVALID_CREDENTIALS");
    let again = owner
        .post("/employees", body.clone())
        .await
        .refused(409, "ALREADY_EXISTS");
    assert_eq!(again["rules"], json!({"email": "not_unique"}));

    let path = format!("/employees/{}", id(&created));
    let waits = owner.items("/employees?status=pending").await;
    assert_eq!((waits.len(), &waits[0]["userId"]), (1, &Value::Null));
    for _ in 0..2 {
        let approved = owner.post(&format!("{path}/approve"), json!({})).await.expect(200);
        assert_eq!(
            (&approved["status"], &approved["message"]),
            (&json!("active"), &json!("Employee approved and activated"))
        );
    }
    let signed_in = sign_in().await.expect(200);
    assert_eq!(signed_in["user"]["organizationRole"], json!("manager"));
    assert_eq!(signed_in["user"]["workspaceId"], json!(owner.workspace));
    let kept: i64 = sqlx::query_scalar("select count(*) from platform.waiting_accounts")
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    assert_eq!(kept, 0, "no password is kept twice");

    let item = &owner.items("/employees?role=manager").await[0];
    for (field, value) in [
        ("email", json!(email)),
        ("firstName", json!("Айгерим")),
        ("position", json!("Sales Manager")),
        ("departmentId", department["id"].clone()),
        ("departmentName", json!("Sales Department")),
        ("organizationRole", json!("manager")),
        ("status", json!("active")),
        ("phone", json!("+77001234568")),
        ("salary", json!(350_000)),
        ("hireDate", json!("2025-01-15")),
        ("permissions", json!(["FINANCE_VIEW"])),
        ("userId", signed_in["user"]["id"].clone()),
    ] {
        assert_eq!(item[field], value, "{field}");
    }
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["department"]["name"], json!("Sales Department"));
    assert_eq!(
        shown["contacts"],
        json!({"phone": "+77001234568", "emergencyContact": null})
    );
    assert_eq!(shown["documents"], json!({"iin": "901231234567", "passport": null}));
    assert_eq!(shown["employment"]["salary"], json!(350_000));
    let metrics = json!({"tasksCompleted": 0, "dealsWon": 0, "performanceScore": null});
    assert_eq!(shown["metrics"], metrics);

    for (query, found) in [
        ("role=employee", 0),
        ("role=manager,owner", 400),
        ("status=active", 1),
        ("search=СӘТ", 0),
        ("search=сатпаева", 1),
    ] {
        let answer = owner.get(&format!("/employees?{query}")).await;
        match found {
            400 => _ = answer.refused(400, "VALIDATION_FAILED"),
            found => assert_eq!(answer.expect(200)["total"], json!(found), "{query}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_earns_and_their_papers_need_a_right_of_their_own() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let hr = json!({"name": "HR", "permissions": ["EMPLOYEES_VIEW", "EMPLOYEES_UPDATE", "EMPLOYEES_CREATE"]});
    let hr = owner.post("/roles", hr).await.expect(201);
    let (hr, _) = employ(&server, &owner, "hr@company.kz", json!({"roleId": hr["id"]})).await;
    let (accountant, _) = employ(
        &server,
        &owner,
        "a@company.kz",
        json!({"organizationRole": "accountant"}),
    )
    .await;
    let (_, employee) = employ(&server, &owner, "e@company.kz", json!({"passport": "N12345678"})).await;
    let path = format!("/employees/{employee}");
    let (seen_by_hr, seen_by_accountant) = (hr.get(&path).await.expect(200), accountant.get(&path).await.expect(200));
    for (field, hr, accountant) in [
        ("salary", false, true),
        ("iin", false, false),
        ("passport", false, false),
        ("documents", false, false),
    ] {
        assert_eq!(seen_by_hr.get(field).is_some(), hr, "{field}");
        assert_eq!(seen_by_accountant.get(field).is_some(), accountant, "{field}");
    }
    assert_eq!(
        seen_by_hr["employment"],
        json!({"hireDate": "2025-01-15", "contractType": null})
    );
    hr.get("/employees?salary[gte]=1")
        .await
        .refused(400, "VALIDATION_FAILED");
    hr.put(&path, json!({"position": "Senior"})).await.expect(200);
    for (body, permission) in [
        (json!({"salary": 1}), "SALARIES_UPDATE"),
        (json!({"iin": "901231234567"}), "PAPERS_UPDATE"),
        (json!({"organizationRole": "manager"}), "MEMBERS_UPDATE"),
        (json!({"status": "inactive"}), "MEMBERS_DELETE"),
    ] {
        let told = hr.put(&path, body).await.refused(403, "AUTH_FORBIDDEN");
        assert_eq!(told["permission"], json!(permission));
    }
    let told = hr
        .post("/employees", newcomer("n@company.kz", "employee"))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("SALARIES_UPDATE"));
    let told = hr
        .post(&format!("{path}/approve"), json!({}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("EMPLOYEES_APPROVE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_is_refused_or_goes_and_comes_back() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let organization = owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200);
    let organization = organization["organizationId"].as_str().unwrap().to_owned();
    let (boss, _) = employ(&server, &owner, "boss@company.kz", json!({"organizationRole": "admin"})).await;
    let wait = async |email: &str, role: &str| id(&owner.post("/employees", newcomer(email, role)).await.expect(201));
    // By document 1's path.
    let stranger = wait("stranger@company.kz", "employee").await;
    let refuse = format!("/organizations/{organization}/employees/{stranger}/refuse");
    let refused = boss.post(&refuse, json!({"reason": "Unknown to us"})).await.expect(200);
    assert_eq!(refused["status"], json!("refused"));
    let approve = format!("/organizations/{organization}/employees/{stranger}/approve");
    let told = boss.post(&approve, json!({})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(told["reason"], json!("employee.no_such_step"));
    let stranger = wait("stranger@company.kz", "employee").await;
    let approve = format!("/organizations/{organization}/employees/{stranger}/approve");
    boss.post(&approve, json!({})).await.expect(200);
    let elsewhere = format!("/organizations/{}/employees/{stranger}/approve", owner.workspace);
    boss.post(&elsewhere, json!({})).await.refused(404, "NOT_FOUND");

    let rival = wait("rival@company.kz", "owner").await;
    let told = boss
        .post(&format!("/employees/{rival}/approve"), json!({}))
        .await
        .refused(403, "AUTH_FORBIDDEN");
    assert_eq!(told["permission"], json!("OWNERS_UPDATE"), "an admin makes no owners");
    assert_eq!(
        owner.get(&format!("/employees/{rival}")).await.expect(200)["status"],
        json!("pending")
    );
    let taken = owner
        .post("/employees", newcomer("stranger@company.kz", "employee"))
        .await;
    assert_eq!(
        taken.refused(409, "ALREADY_EXISTS")["rules"],
        json!({"email": "not_unique"})
    );

    let mut client = server.anonymous();
    client.sign_in("stranger@company.kz", PASSWORD).await;
    client.get("/deals").await.expect(200);
    let path = format!("/employees/{stranger}");
    let stale = Some(json!({"status": "inactive"}).to_string());
    boss.send(Method::PUT, &path, stale, &[("If-Match", "\"1\"")])
        .await
        .refused(412, "VERSION_CONFLICT");
    client.get("/deals").await.expect(200);
    boss.put(&path, json!({"status": "inactive"})).await.expect(200);
    client.get("/deals").await.refused(404, "NOT_FOUND");
    boss.put(&path, json!({"status": "active"})).await.expect(200);
    client.get("/deals").await.expect(200);
    boss.put(&path, json!({"organizationRole": "stockkeeper"}))
        .await
        .expect(200);
    client.get("/deals").await.refused(403, "AUTH_FORBIDDEN");
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (&shown["organizationRole"], &shown["status"]),
        (&json!("stockkeeper"), &json!("active"))
    );
    let history = owner.get(&format!("{path}/history")).await.expect(200);
    let kinds: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "employee.created",
            "employee.approved",
            "employee.deactivated",
            "employee.activated",
            "employee.access.asked"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn departments_are_a_tree_with_heads_budgets_and_counts() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (_, head) = employ(&server, &owner, "head@company.kz", json!({})).await;
    let found = async |body: Value| id(&owner.post("/departments", body).await.expect(201));
    let sales = found(json!({"name": "Sales Department", "code": "SALES", "headId": head, "budget": 5_000_000})).await;
    let retail = found(json!({"name": "Retail", "parentId": sales})).await;
    let kiosks = found(json!({"name": "Kiosks", "parentId": retail})).await;
    owner
        .put(&format!("/employees/{head}"), json!({"departmentId": sales}))
        .await
        .expect(200);
    let waits = newcomer("waits@company.kz", "employee");
    let waits = id(&owner.post("/employees", waits).await.expect(201));
    owner
        .put(&format!("/employees/{waits}"), json!({"departmentId": sales}))
        .await
        .expect(200);

    let tree = owner.get("/departments").await.expect(200);
    let top = &tree[0];
    for (field, value) in [
        ("name", json!("Sales Department")),
        ("code", json!("SALES")),
        ("headId", json!(head)),
        ("headName", json!("Айгерим Сатпаева")),
        ("employeeCount", json!(1)),
        ("budget", json!(5_000_000)),
        ("isActive", json!(true)),
        ("parentId", Value::Null),
    ] {
        assert_eq!(top[field], value, "{field}");
    }
    assert_eq!(tree.as_array().unwrap().len(), 1);
    assert_eq!(top["children"][0]["children"][0]["id"], json!(kiosks));

    let path = |id: &str| format!("/departments/{id}");
    for parent in [&sales, &kiosks] {
        let told = owner
            .put(&path(&sales), json!({"parentId": parent}))
            .await
            .refused(409, "CONFLICT");
        assert_eq!(told["reason"], json!("department.cyclic"));
    }
    let unknown = json!({"name": "a", "parentId": owner.workspace});
    let told = owner.post("/departments", unknown).await.refused(404, "NOT_FOUND");
    assert!(told["fields"]["parentId"].is_string());
    let headless = json!({"name": "a", "headId": owner.user});
    assert!(owner.post("/departments", headless).await.refused(404, "NOT_FOUND")["fields"]["headId"].is_string());
    let taken = owner.post("/departments", json!({"name": "a", "code": "SALES"})).await;
    assert_eq!(
        taken.refused(409, "ALREADY_EXISTS")["rules"],
        json!({"code": "not_unique"})
    );

    owner
        .put(&path(&kiosks), json!({"parentId": null, "isActive": false}))
        .await
        .expect(200);
    let shown = owner.get(&path(&kiosks)).await.expect(200);
    assert_eq!((&shown["parentId"], &shown["isActive"]), (&Value::Null, &json!(false)));
    assert_eq!(owner.items("/departments").await.len(), 2);
    // Two that are put below one another at once do not make a circle.
    for _ in 0..8 {
        owner.put(&path(&retail), json!({"parentId": null})).await.expect(200);
        owner.put(&path(&kiosks), json!({"parentId": null})).await.expect(200);
        let (retail_path, kiosks_path) = (path(&retail), path(&kiosks));
        let (one, other) = tokio::join!(
            owner.put(&retail_path, json!({"parentId": kiosks})),
            owner.put(&kiosks_path, json!({"parentId": retail}))
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_won_are_counted_for_who_won_them() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let (seller, employee) = employ(&server, &owner, "seller@company.kz", json!({})).await;
    let mut sale = shop.deal(1);
    sale["assignedTo"] = json!(seller.user);
    let won = id(&owner.post("/deals", sale).await.expect(201));
    owner.post(&format!("/deals/{won}/win"), json!({})).await.expect(200);
    let shown = owner.get(&format!("/employees/{employee}")).await.expect(200);
    assert_eq!(shown["metrics"]["dealsWon"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_as_an_employee_proves_their_address_and_waits() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let organization = owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200);
    let organization = organization["organizationId"].clone();
    let pool = server.pool().await;
    let bin: String = sqlx::query_scalar("select bin from platform.organizations")
        .fetch_one(&pool)
        .await
        .unwrap();
    let anybody = server.anonymous();
    let company = anybody
        .post("/auth/check-bin-employee", json!({"bin": bin}))
        .await
        .expect(200);
    assert_eq!(
        (&company["exists"], &company["organizationId"]),
        (&json!(true), &organization)
    );
    let nobody = anybody
        .post("/auth/check-bin-employee", json!({"bin": "000000000000"}))
        .await
        .expect(200);
    assert_eq!(
        (&nobody["exists"], &nobody["organizationId"]),
        (&json!(false), &Value::Null)
    );

    let email = "applicant@company.kz";
    let body = json!({"email": email, "password": PASSWORD, "firstName": "Асхат", "lastName": "Жумабаев",
        "organizationId": organization, "position": "Менеджер"});
    let registered = anybody.post("/users/register-employee", body.clone()).await.expect(201);
    assert_eq!(
        (
            &registered["user"]["status"],
            &registered["organizationId"],
            &registered["workspaceId"]
        ),
        (&json!("pending"), &organization, &json!(owner.workspace))
    );
    assert!(
        owner.items("/employees").await.is_empty(),
        "a stranger's word enters nothing"
    );
    let unknown = json!({"organizationId": owner.workspace});
    let mut lost = body.clone();
    lost["organizationId"] = unknown["organizationId"].clone();
    let told = anybody
        .post("/users/register-employee", lost)
        .await
        .refused(404, "NOT_FOUND");
    assert!(told["fields"]["organizationId"].is_string());

    let code = server.code_for(email).await;
    for _ in 0..2 {
        anybody
            .post("/users/verify-email", json!({"email": email, "code": code}))
            .await
            .expect(200);
    }
    let waits = owner.items("/employees?status=pending").await;
    assert_eq!(
        (waits.len(), &waits[0]["id"], &waits[0]["position"], &waits[0]["userId"]),
        (
            1,
            &registered["employeeId"],
            &json!("Менеджер"),
            &registered["user"]["id"]
        )
    );
    let mut client = server.anonymous();
    client.sign_in(email, PASSWORD).await;
    let deals = format!("/workspaces/{}/deals", owner.workspace);
    client.get(&deals).await.refused(404, "NOT_FOUND");
    let approve = format!(
        "/organizations/{}/employees/{}/approve",
        organization.as_str().unwrap(),
        waits[0]["id"].as_str().unwrap()
    );
    client.post(&approve, json!({})).await.refused(404, "NOT_FOUND");
    owner.post(&approve, json!({})).await.expect(200);
    client.get(&deals).await.expect(200);
    client.sign_in(email, PASSWORD).await;
    assert_eq!(client.workspace, owner.workspace);
    let again = anybody
        .post("/users/register-employee", body)
        .await
        .refused(409, "ALREADY_EXISTS");
    assert_eq!(again["rules"], json!({"email": "not_unique"}));
}
