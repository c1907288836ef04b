//! What the routes are tried on: an id that is made up finds nothing, and nothing behind it is tried.

use domain::Role;
use prometric_tests::{Client, Route, Server, Yard, routes, routes_below, story::id};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Ids by the path in front of them, as the document writes it: `/deals/{id}/quotes`.
#[derive(Default, Serialize)]
pub(super) struct Things {
    /// There from first to last.
    kept: BTreeMap<String, String>,
    /// To be deleted.
    spare: BTreeMap<String, String>,
}

impl Things {
    /// One of everything that a path asks for, and one more of what can be deleted.
    pub(super) async fn of(server: &Server, yard: &Yard) -> Self {
        let mut things = Self::default();
        complete(server, &yard.owner).await;
        let mut paths = BTreeSet::new();
        for (above, prefix) in [("/api/v1", ""), ("/api/users", "/api/users")] {
            let below = routes_below(server, above).await.into_iter();
            paths.extend(below.map(|Route { path, .. }| format!("{prefix}{path}")));
        }
        for path in paths.iter().filter(|path| !path.starts_with("/workspaces/{wsId}")) {
            for (at, _) in path.match_indices("/{") {
                things.look(server, &yard.owner, &path[..at]).await;
            }
        }
        things.name_the_rest(&yard.owner).await;
        things.make_spare(server, yard).await;
        things
    }

    /// The first of that list stays, the second may go.
    async fn look(&mut self, server: &Server, owner: &Client, list: &str) {
        if self.kept.contains_key(list) {
            return;
        }
        let path = self.filled(list);
        let answer = match path.strip_prefix("/api/users") {
            Some(_) => at_till(server, owner, Method::GET, &path, &Value::Null).await,
            None => owner.get(&path).await.body,
        };
        let mut ids = listed(&answer["data"])
            .iter()
            .map(|item| text(&item["id"]))
            .filter(|id| !id.is_empty());
        for found in [&mut self.kept, &mut self.spare] {
            found.extend(ids.next().map(|id| (list.to_owned(), id)));
        }
    }

    /// The path with what is known in the places of its parameters.
    fn filled(&self, path: &str) -> String {
        let mut filled = String::new();
        let (mut known, mut rest) = (0, path);
        while let Some(at) = rest.find("/{") {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            filled += &rest[..at];
            filled += "/";
            filled += self.kept.get(&path[..known + at]).map_or("none", String::as_str);
            (known, rest) = (known + end, &rest[end..]);
        }
        filled + rest
    }

    /// Those without a list of their own.
    async fn name_the_rest(&mut self, owner: &Client) {
        let organization = owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200);
        let made = owner.items("/production/orders").await;
        let won = owner.items("/deals?stage=WON").await;
        let done = format!("/deals/{}/activities", self.kept["/deals"]);
        let done = owner.items(&done).await;
        let members = owner.items("/members").await;
        let mut members = members
            .iter()
            .filter(|member| member["role"] == "stockkeeper")
            .map(|member| text(&member["id"]));
        self.spare.extend(members.next().map(|id| ("/members".to_owned(), id)));
        self.kept.extend(members.next().map(|id| ("/members".to_owned(), id)));
        let same = |list: &str| self.kept.get(list).cloned().unwrap_or_default();
        let rest = [
            ("/activities", text(&done[0]["id"])),
            ("/audit", "deals".to_owned()),
            ("/audit/{resource}", same("/deals")),
            ("/audit/correlations", text(&won[0]["id"])),
            ("/organizations", text(&organization["organizationId"])),
            ("/organizations/{orgId}/employees", same("/employees")),
            ("/production/bom", text(&made[0]["productId"])),
            ("/quotes", same("/deals/{id}/quotes")),
        ];
        self.kept.extend(rest.map(|(list, id)| (list.to_owned(), id)));
    }

    async fn make_spare(&mut self, server: &Server, yard: &Yard) {
        let deleted = routes(server)
            .await
            .into_iter()
            .filter(|route| route.method == Method::DELETE);
        for route in deleted.filter(|route| !route.is_in_workspace()) {
            let Some((list, _)) = route.path.rsplit_once("/{") else {
                continue;
            };
            let mut made = yard.shapes.iter().filter(|shape| shape.method == Method::POST);
            let Some(shape) = made.find(|shape| shape.route.ends_with(list)) else {
                continue;
            };
            let one = yard.owner.post(&shape.path, shape.good.clone()).await;
            self.spare.insert(list.to_owned(), id(&one.expect(201)));
        }
    }
}

/// What the yard has none of.
async fn complete(server: &Server, owner: &Client) {
    for name in ["Первый", "Второй"] {
        server.member(owner, Role::Stockkeeper).await;
        at_till(server, owner, Method::POST, "/api/users/stores", &json!({"name": name})).await;
    }
    let invoice = &owner.items("/finance/invoices").await[0];
    let paid = json!({"invoiceId": invoice["id"], "amount": 1});
    owner.post("/finance/payments", paid).await.expect(201);
    let deal = id(&owner.items("/deals").await[0]);
    let paper = json!({"name": "a", "url": "https://company.kz/a.pdf"});
    owner.post(&format!("/deals/{deal}/documents"), paper).await.expect(201);
    let guest = json!({"email": "guest@company.kz", "permissions": ["DEALS_VIEW"]});
    owner.post("/invitations", guest).await.expect(201);
}

/// What document 4's part of the server answers.
async fn at_till(server: &Server, owner: &Client, method: Method, path: &str, body: &Value) -> Value {
    let asked = reqwest::Client::new().request(method, format!("{}{path}", server.url));
    let asked = asked.bearer_auth(owner.token.as_deref().unwrap_or_default());
    let asked = asked.header("Content-Type", "application/json").body(body.to_string());
    asked.send().await.unwrap().json().await.unwrap_or_default()
}

/// The list in an answer, however it is called.
fn listed(data: &Value) -> &[Value] {
    let list = data
        .as_array()
        .or_else(|| data.as_object()?.values().find_map(Value::as_array));
    list.map_or(&[], Vec::as_slice)
}

/// An id is a text, or document 4's number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(
        || value.as_i64().map_or_else(String::new, |id| id.to_string()),
        str::to_owned,
    )
}
