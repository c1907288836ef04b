//! A workspace in which every write can be tried, and the body of each of them.

mod account;
mod catalog;
mod deals;
mod orders;
mod people;

use crate::{
    Client, Server, eventually,
    shape::{self, ANY, Field, Shape, fields},
    story::{Shop, id},
};
use domain::sales::{
    customer::{Profile, likeness::Description},
    deal, interaction,
};
use people::People;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

/// A workspace with one of everything, none of it final.
pub struct Yard {
    pub owner: Client,
    pub pool: PgPool,
    pub shapes: Vec<Shape>,
}

impl Yard {
    pub async fn open(server: &Server) -> Self {
        let owner = server.owner().await;
        let shop = Shop::open(&owner, 100, 20).await;
        let won = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        owner.post(&format!("/deals/{won}/win"), json!({})).await.expect(200);
        let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        let said = format!("/customers/{}/interactions", shop.customer);
        let said = id(&owner.post(&said, json!({"subject": "a"})).await.expect(201));
        let invoice = id(&eventually("an invoice", || async {
            owner.items("/finance/invoices").await.into_iter().next()
        })
        .await);
        let told = id(&eventually("a notification", || async {
            owner.items("/notifications").await.into_iter().next()
        })
        .await);
        eventually("all is planned", || async {
            owner
                .items("/production/orders")
                .await
                .into_iter()
                .find(|order| order["status"] == "scheduled")
        })
        .await;
        let quote = id(&owner
            .post(&format!("/deals/{deal}/quotes"), json!({}))
            .await
            .expect(201));
        let pipeline = json!({"name": "Опт", "stages": [{"name": "Заявка", "stage": "LEAD"}]});
        let pipeline = id(&owner.post("/pipelines", pipeline).await.expect(201));
        let field = json!({"key": "size", "label": "a", "type": "choice", "choices": ["a"]});
        let field = id(&owner.post("/custom-fields", field).await.expect(201));
        let call = json!({"type": "call", "subject": "Follow-up call"});
        let call = id(&owner.post(&format!("/deals/{deal}/activities"), call).await.expect(201));
        let department = id(&owner.post("/departments", json!({"name": "Продажи"})).await.expect(201));
        let employee =
            json!({"email": "employee@company.kz", "firstName": "a", "lastName": "a", "departmentId": department});
        let employee = id(&owner.post("/employees", employee).await.expect(201));
        let role = id(&owner.post("/roles", json!({"name": "Продавец"})).await.expect(201));
        let member = id(&owner.items("/members").await[0]);
        let organization = owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200);
        let people = People {
            organization: organization["organizationId"]
                .as_str()
                .expect("an organization")
                .to_owned(),
            department,
            employee,
            role,
            member,
        };
        let key = json!({"name": "a", "permissions": ["DEALS_VIEW"]});
        let key = id(&owner.post("/api-keys", key).await.expect(201));
        let beside = [("resource", "products"), ("dryRun", "true")];
        owner.upload(b"code,name\na1,a\n", &beside, &[]).await.expect(201);
        let of = people.organization.clone();
        let draft = json!({"customerId": shop.customer, "status": "draft"});
        let draft = id(&owner.post("/orders", draft).await.expect(201));
        let mut shapes = shapes(&owner, &shop, &deal, &invoice, &told);
        shapes.extend(catalog::shapes(&owner, &shop).await);
        shapes.extend(deals::shapes(&owner.user, &deal, &call, &pipeline));
        shapes.extend(deals::offers(&deal, &quote));
        shapes.extend(deals::own_fields(&field));
        shapes.extend(orders::shapes(&shop, &draft));
        shapes.extend(people.shapes());
        let other = id(&owner.post("/customers", json!({"name": "b"})).await.expect(201));
        shapes.extend(interactions(&shop.customer, &said));
        shapes.extend(merging(&shop.customer, &other));
        shapes.extend(account::shapes(&key, &of));
        Self {
            pool: server.pool().await,
            owner,
            shapes,
        }
    }

    pub async fn written(&self) -> i64 {
        sqlx::query_scalar("select sum(position)::bigint from log.heads")
            .fetch_one(&self.pool)
            .await
            .expect("the positions")
    }

    /// A complaint, if the wrong value of that field is not refused as it should be: all are told at once, at the end.
    pub async fn refusal(
        &self,
        shape: &Shape,
        field: &Field,
        json: Option<&str>,
        code: &str,
        rule: Option<&str>,
    ) -> Option<String> {
        let before = self.written().await;
        let body = shape.with(&field.at, json);
        let (code, rule) = match shape.is_too_long(body.len()) {
            true => ("PAYLOAD_TOO_LARGE", None),
            false => (code, rule),
        };
        let answer = self
            .owner
            .send(shape.method.clone(), &shape.path, Some(body), &[])
            .await;
        let details = &answer.body["error"]["details"];
        let (sentence, broken) = (
            details["fields"][&field.at].as_str(),
            details["rules"][&field.at].as_str(),
        );
        let named = rule.is_none_or(|rule| sentence.is_some() && (rule == ANY || broken == Some(rule)));
        let status = if code == "PAYLOAD_TOO_LARGE" { 413 } else { 400 };
        let refused = (answer.status, answer.body["error"]["code"].as_str()) == (status, Some(code));
        let trace = self.written().await - before;
        if refused && named && trace == 0 {
            return None;
        }
        let short = |text: &str| text.chars().take(200).collect::<String>();
        let (method, route, at, value) = (&shape.method, shape.route, &field.at, short(json.unwrap_or("(absent)")));
        let (status, told) = (answer.status, short(&answer.body["error"].to_string()));
        Some(format!(
            "{method} {route} {at} = {value}: {status} {told}, wanted {code} {rule:?}; {trace} events written"
        ))
    }

    /// After all that, the workspace works, its numbers have no gap, and what is written is read.
    pub async fn lives(&self) {
        let created = self
            .owner
            .post("/deals", json!({"title": "После бури"}))
            .await
            .expect(201);
        assert!(
            created["dealNumber"].as_str().expect("a number").ends_with("-0003"),
            "{created}"
        );
        assert_eq!(
            self.owner.get(&format!("/deals/{}", id(&created))).await.expect(200)["title"],
            json!("После бури")
        );
    }
}

const PERSON: &str = "email:email! password:password! firstName:text100! lastName:text100! phone:text30";
const BESIDE_DEAL: &str = "stage:choice pipelineId:uuid pipelineStageId:uuid products:list products[0]:item products[0].productId:uuid! products[0].quantity:quantity! \
    products[0].unitPrice:amount products[0].vatIncluded:flag products[0].discount:percent products[0].tax:percent";
const BILL: &str = "components:list! components[0]:item components[0].materialId:uuid! components[0].quantity:quantity! components[0].unit:text20 \
    components[0].cost:amount operations:list operations[0]:item operations[0].name:text200! operations[0].duration:whole! operations[0].requiredSkills:list \
    operations[0].requiredSkills[0]:text100! operations[0].equipment[0]:text100!";

/// A customer that another one is merged into, and is taken out of again.
fn merging(customer: &str, other: &str) -> Vec<Shape> {
    let shape = |route: &'static str, good: Value, text: &str| Shape {
        method: Method::POST,
        route,
        path: route.replace("{id}", customer),
        good,
        fields: fields(text),
    };
    let merged = json!({"with": other, "choices": {"name": "survivor"}});
    vec![
        shape(
            "/customers/{id}/merge",
            merged,
            "with:uuid! withVersion:whole choices:object",
        ),
        shape("/customers/{id}/unmerge", json!({"with": other}), "with:uuid!"),
    ]
}

/// What is said with a customer, and one thing that was.
fn interactions(customer: &str, said: &str) -> Vec<Shape> {
    let good =
        json!({"type": "call", "direction": "outbound", "subject": "a", "notes": "a", "duration": 30, "outcome": "a"});
    let shape = |method: Method, route: &'static str| Shape {
        route,
        path: route.replace("{id}", customer).replace("{interactionId}", said),
        good: good.clone(),
        fields: shape::noun::<interaction::Details>(method == Method::POST, ""),
        method,
    };
    vec![
        shape(Method::POST, "/customers/{id}/interactions"),
        shape(Method::PUT, "/customers/{id}/interactions/{interactionId}"),
    ]
}

/// Every route with a body, with one that is accepted. Dates have a test of their own.
fn shapes(owner: &Client, shop: &Shop, open: &str, invoice: &str, told: &str) -> Vec<Shape> {
    let customer = json!({"name": "a", "type": "COMPANY", "status": "LEAD", "rating": 4.5, "creditLimit": 100, "tags": ["a"],
        "contacts": [{"firstName": "a", "lastName": "a", "position": "a", "email": "a@b.kz", "phone": "1", "isPrimary": true}],
        "addresses": [{"type": "legal", "addressLine1": "a", "city": "a", "postalCode": "1", "country": "KZ"}]});
    let lines = json!([{"productId": shop.product, "quantity": 1, "unitPrice": 10, "discount": 0, "tax": 12}]);
    let sale =
        json!({"title": "a", "customerId": shop.customer, "products": lines, "competitors": ["a"], "tags": ["a"]});
    let operation = json!({"name": "a", "duration": 1, "requiredSkills": ["a"], "equipment": ["a"]});
    let bill = json!({"components": [{"materialId": shop.steel, "quantity": 1, "unit": "м²", "cost": 1}], "operations": [operation]});
    let person = |company: &str, bin: &str| json!({"email": "z@company.kz", "password": "SecurePassword123", "firstName": "a", "lastName": "a", company: "a", bin: "123456789012"});
    let code = json!({"email": "z@company.kz", "code": "123456"});
    let credentials = json!({"email": "z@company.kz", "password": "SecurePassword123"});
    let noun = |method: Method, route: &'static str, id: &str, good: &Value, fields: Vec<Field>| {
        let path = route.replace("{id}", id).replace("{productId}", id);
        Shape {
            method,
            route,
            path,
            good: good.clone(),
            fields,
        }
    };
    let post =
        |route: &'static str, id: &str, good: &Value, text: &str| noun(Method::POST, route, id, good, fields(text));
    let put =
        |route: &'static str, id: &str, good: &Value, text: &str| noun(Method::PUT, route, id, good, fields(text));
    vec![
        noun(
            Method::POST,
            "/customers",
            "",
            &customer,
            shape::noun::<Profile>(true, "status:choice allowDuplicate:flag"),
        ),
        noun(
            Method::PUT,
            "/customers/{id}",
            &shop.customer,
            &customer,
            shape::noun::<Profile>(false, "status:choice"),
        ),
        noun(
            Method::POST,
            "/customers/duplicates",
            "",
            &json!({"name": "a", "email": "z@company.kz", "phone": "1", "bin": "123456789012"}),
            shape::noun::<Description>(true, ""),
        ),
        noun(
            Method::POST,
            "/deals",
            "",
            &sale,
            shape::noun::<deal::Details>(true, BESIDE_DEAL),
        ),
        noun(
            Method::PUT,
            "/deals/{id}",
            open,
            &sale,
            shape::noun::<deal::Details>(false, BESIDE_DEAL),
        ),
        post(
            "/deals/{id}/stage",
            open,
            &json!({"stage": "CLOSING"}),
            "stage:choice! pipelineId:uuid pipelineStageId:uuid",
        ),
        post("/deals/{id}/win", open, &json!({}), "finalAmount:amount notes:text5000"),
        post(
            "/deals/{id}/lose",
            open,
            &json!({"lostReason": "a"}),
            "lostReason:text200! competitorWon:text200 notes:text5000",
        ),
        post(
            "/finance/payments",
            "",
            &json!({"invoiceId": invoice, "amount": 1}),
            "invoiceId:uuid! amount:positive_amount! method:text50 reference:text100 allowCredit:flag",
        ),
        put(
            "/finance/exchange-rates",
            "",
            &json!({"currency": "USD", "date": "2026-01-01", "rate": 1}),
            "currency:choice! rate:rate!",
        ),
        put("/production/bom/{productId}", &shop.cabinet, &bill, BILL),
        post("/workspaces", "", &json!({"name": "a"}), "name:text200! type:choice"),
        put(
            "/workspaces/{id}",
            &owner.workspace,
            &json!({"name": "a"}),
            "name:text200!",
        ),
        post(
            "/admin/sagas/{id}/retry",
            invoice,
            &json!({"why": "a", "step": "a"}),
            "why:text1000! step:text200",
        ),
        post(
            "/admin/sagas/{id}/skip",
            invoice,
            &json!({"why": "a", "step": "a"}),
            "why:text1000! step:text200",
        ),
        post(
            "/admin/sagas/{id}/abandon",
            invoice,
            &json!({"why": "a"}),
            "why:text1000!",
        ),
        post(
            "/notifications/mark-read",
            "",
            &json!({"ids": [told]}),
            "ids:list ids[0]:uuid!",
        ),
        post(
            "/auth/register",
            "",
            &person("organizationName", "organizationBin"),
            &format!("{PERSON} organizationName:text200 organizationBin:twelve_digits"),
        ),
        post(
            "/users/register-owner",
            "",
            &person("companyName", "bin"),
            &format!("{PERSON} companyName:text200! bin:twelve_digits!"),
        ),
        post("/auth/verify-email", "", &code, "email:text0! code:text0!"),
        post("/users/verify-email", "", &code, "email:text0! code:text0!"),
        post(
            "/auth/login",
            "",
            &credentials,
            "email:text0! password:text0! code:text0",
        ),
        post(
            "/auth/login-email",
            "",
            &credentials,
            "email:text0! password:text0! code:text0",
        ),
        post(
            "/auth/refresh",
            "",
            &json!({"refreshToken": "a"}),
            "refreshToken:text0!",
        ),
        post("/auth/logout", "", &json!({"refreshToken": "a"}), "refreshToken:text0"),
        post("/auth/eds/nonce", "", &json!({"purpose": "sign-in"}), "purpose:choice"),
        post(
            "/auth/eds/link",
            "",
            &json!({"nonce": "a", "signature": "YQ=="}),
            "nonce:text0! signature:text0!",
        ),
        post(
            "/privacy/erase",
            "",
            &json!({"personId": shop.customer, "dryRun": true}),
            "personId:uuid! dryRun:flag",
        ),
        post(
            "/auth/check-email",
            "",
            &json!({"email": "z@company.kz"}),
            "email:email!",
        ),
        post(
            "/auth/check-bin",
            "",
            &json!({"bin": "123456789012"}),
            "bin:twelve_digits!",
        ),
    ]
}
