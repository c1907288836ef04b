//! A request is about one workspace, in whatever ways it is named.

use super::*;

#[tokio::test]
async fn a_request_names_one_workspace() {
    let server = Server::start_with(&[]).await;
    let (owner, stranger) = (server.owner().await, server.owner().await);
    let branch = owner.post("/workspaces", json!({"name": "Филиал"})).await.expect(201);
    let (branch, branch_key) = (id(&branch), branch["tenantKey"].as_str().unwrap().to_owned());
    let (main, main_key) = (owner.workspace.clone(), their_key(&owner).await);
    let stranger_key = their_key(&stranger).await;
    let count = async |path: &str, headers: &[(&str, &str)]| owner.send(Method::GET, path, None, headers).await;
    owner
        .send(
            Method::POST,
            "/customers",
            Some(json!({"name": "Клиент филиала"}).to_string()),
            &[("X-Workspace-Id", &branch)],
        )
        .await
        .expect(201);

    let in_branch = [
        ("/customers".to_owned(), vec![("X-Workspace-Id", branch.as_str())]),
        ("/customers".to_owned(), vec![("X-Tenant-Key", branch_key.as_str())]),
        (
            "/customers".to_owned(),
            vec![
                ("X-Workspace-Id", branch.as_str()),
                ("X-Tenant-Key", branch_key.as_str()),
            ],
        ),
        (format!("/workspaces/{branch}/customers"), vec![]),
        (
            format!("/workspaces/{branch}/customers"),
            vec![
                ("X-Workspace-Id", branch.as_str()),
                ("X-Tenant-Key", branch_key.as_str()),
            ],
        ),
    ];
    for (path, headers) in in_branch {
        assert_eq!(
            count(&path, &headers).await.expect(200)["total"],
            json!(1),
            "{path} {headers:?}"
        );
    }
    assert_eq!(
        count("/customers", &[]).await.expect(200)["total"],
        json!(0),
        "the token's default is the first"
    );

    let contradictions = [
        (
            "/customers".to_owned(),
            vec![("X-Workspace-Id", main.as_str()), ("X-Tenant-Key", branch_key.as_str())],
        ),
        (
            "/customers".to_owned(),
            vec![("X-Workspace-Id", main.as_str()), ("X-Workspace-Id", branch.as_str())],
        ),
        (
            "/customers".to_owned(),
            vec![
                ("X-Tenant-Key", main_key.as_str()),
                ("X-Tenant-Key", branch_key.as_str()),
            ],
        ),
        (
            "/customers".to_owned(),
            vec![
                ("X-Workspace-Id", main.as_str()),
                ("X-Tenant-Key", stranger_key.as_str()),
            ],
        ),
        (
            "/customers".to_owned(),
            vec![("X-Workspace-Id", main.as_str()), ("X-Tenant-Key", "nobody_00000000")],
        ),
        (
            format!("/workspaces/{main}/customers"),
            vec![("X-Workspace-Id", branch.as_str())],
        ),
        (
            format!("/workspaces/{main}/customers"),
            vec![("X-Workspace-Id", stranger.workspace.as_str())],
        ),
        (
            format!("/workspaces/{main}/customers"),
            vec![("X-Tenant-Key", branch_key.as_str())],
        ),
        (
            format!("/workspaces/{}/customers", stranger.workspace),
            vec![("X-Workspace-Id", main.as_str())],
        ),
    ];
    for (path, headers) in contradictions {
        let told = count(&path, &headers).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(told, json!({"reason": "workspace.contradiction"}), "{path} {headers:?}");
    }
    let malformed = count("/customers", &[("X-Workspace-Id", "mine")])
        .await
        .refused(400, "INVALID_UUID");
    assert!(malformed["fields"]["X-Workspace-Id"].is_string());
    let malformed = count("/workspaces/mine/customers", &[])
        .await
        .refused(400, "INVALID_UUID");
    assert!(malformed["fields"]["wsId"].is_string());
}
