//! Rights on rows, by every route there is: what a right does not reach to is not there, and is not told from what never was.

use super::employ;
use crate::isolation::{body_for, not_there, send, written};
use domain::Permission;
use prometric_tests::{
    Client, Route, Server, routes,
    story::{Shop, id},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is somebody's, by the path below which it stands.
type Things = BTreeMap<&'static str, String>;

async fn things_of(owner: &Client, user: &str, employee: &str) -> Things {
    let made = async |path: &str, body: Value| id(&owner.post(path, body).await.expect(201));
    let customer = made("/customers", json!({"name": "ТОО", "assignedTo": user})).await;
    let deal = json!({"title": "ERP", "value": 100, "customerId": customer, "assignedTo": user});
    let deal = made("/deals", deal).await;
    let order = json!({"customerId": customer, "status": "draft", "assignedTo": user});
    let call = json!({"type": "call", "subject": "a"});
    BTreeMap::from([
        ("/orders", made("/orders", order).await),
        ("/activities", made(&format!("/deals/{deal}/activities"), call).await),
        ("/quotes", made(&format!("/deals/{deal}/quotes"), json!({})).await),
        ("/employees", employee.to_owned()),
        ("/customers", customer),
        ("/deals", deal),
    ])
}

/// Everything there is to be given, of records as far as that.
pub(super) fn rights(reach: &str) -> Value {
    let given = Permission::ALL
        .iter()
        .filter(|permission| **permission != Permission::OwnersUpdate);
    let right = |permission: &Permission| match permission.is_of_records() {
        true => format!("{permission}:{reach}"),
        false => permission.to_string(),
    };
    given.map(right).collect::<Vec<_>>().into()
}

/// Of what the route is, where that is somebody's.
fn list_of(route: &Route) -> Option<&str> {
    match route.path.contains("{empId}") {
        true => Some("/employees"),
        false => route.path.split_once("/{").map(|(list, _)| list),
    }
}

/// What is read of a thing and of another one, which these requests do not name.
const OF_TWO: [&str; 3] = ["}/interactions/{", "}/quotes/{", "/{id}/merge"];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_right_does_not_reach_to_is_not_there_by_any_route() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let shop = Shop::open(&owner, 100, 20).await;
    let organization =
        owner.get(&format!("/workspaces/{}", owner.workspace)).await.expect(200)["organizationId"].clone();
    let department = async |body: Value| id(&owner.post("/departments", body).await.expect(201));
    let sales = department(json!({"name": "Sales"})).await;
    let retail = department(json!({"name": "Retail", "parentId": sales})).await;
    let stock = department(json!({"name": "Stock"})).await;
    let (me, employee) = employ(&server, &owner, "me@company.kz", json!({"departmentId": sales})).await;
    let mut things = BTreeMap::from([("own", things_of(&owner, &me.user, &employee).await)]);
    for (whose, department) in [("department", retail), ("other", stock)] {
        let email = format!("{whose}@company.kz");
        let (colleague, theirs) = employ(&server, &owner, &email, json!({"departmentId": department})).await;
        things.insert(whose, things_of(&owner, &colleague.user, &theirs).await);
    }
    let mut routes = routes(&server).await;
    routes.retain(|route| !route.public && !route.is_in_workspace());
    for route in &mut routes {
        route.path = route.path.replace("{orgId}", organization.as_str().unwrap());
    }
    let nobodys = Uuid::now_v7().to_string();
    for (reach, seen) in [("own", &["own"][..]), ("department", &["own", "department"][..])] {
        let role = json!({"name": reach, "permissions": rights(reach)});
        let role = id(&owner.post("/roles", role).await.expect(201));
        let path = format!("/employees/{employee}");
        owner.put(&path, json!({"roleId": role})).await.expect(200);
        let (before, mut asked) = (written(&pool).await, 0);
        for (whose, theirs) in &things {
            let is_seen = seen.contains(whose);
            for (list, thing) in theirs {
                let listed = me.items(list).await.iter().any(|item| item["id"] == json!(thing));
                assert_eq!(listed, is_seen, "{list} of {whose} with {reach}");
            }
            for route in &routes {
                let Some(thing) = list_of(route).and_then(|list| theirs.get(list)) else {
                    continue;
                };
                let (path, body) = (route.path_of("", thing), body_for(route, &shop));
                asked += 1;
                if !is_seen {
                    let told = not_there(send(&me, route, &path, &body, &[]).await);
                    let unknown = not_there(send(&me, route, &route.path_of("", &nobodys), &body, &[]).await);
                    assert_eq!(told, unknown, "{} tells that it is there", route.name());
                } else if route.method == reqwest::Method::GET && !OF_TWO.iter().any(|part| route.path.contains(part)) {
                    me.get(&path).await.expect(200);
                }
            }
        }
        assert!(asked > 80, "{asked}");
        assert_eq!(written(&pool).await, before, "nothing was written");
    }
}
