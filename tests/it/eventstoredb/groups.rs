//! A group of consumers survives the server: what was held is given again, what is parked stays so until somebody asks for it.

use super::{
    Company,
    clients::{Talk, groups},
};
use prometric_tests::{Server, free_port};
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_consumers_goes_on_where_it_was_when_the_server_is_killed() {
    let port = free_port();
    let mut server = Server::start_with(&[("GRPC_PORT", &port.to_string())]).await;
    let company = Company::open(&server).await;
    let rights = ["AUDIT_VIEW", "EXTERNAL_APPEND", "OPERATIONS_UPDATE"];
    let url = format!("{}?tls=false", company.address(port, &rights).await);
    let stream = format!("external-{}", Uuid::now_v7());

    let mut talk = Talk::begin(groups("begin"), &url, &stream);
    let steps = talk.until("given").await;
    assert_eq!(steps["again"], json!(true));
    assert_eq!(steps["given"], json!([[0, 0], [1, 0], [1, 1], [2, 0], [3, 0]]));
    assert!(talk.ended_well().await);
    server.kill();
    server.spawn().await;

    let mut talk = Talk::begin(groups("end"), &url, &stream);
    let steps = talk.until("gone").await;
    assert_eq!(steps["held"], json!(true));
    assert_eq!(steps["parked"], json!(1));
    assert_eq!(steps["replayed"], json!([2, 0]));
    assert_eq!(steps["gone"], json!(true));
    assert!(talk.ended_well().await);

    // Who may only read makes no group.
    let narrow = format!("{}?tls=false", company.address(port, &rights[..2]).await);
    let mut talk = Talk::begin(groups("begin"), &narrow, &format!("external-{}", Uuid::now_v7()));
    assert!(talk.lines.next_line().await.unwrap().is_none());
    assert!(!talk.ended_well().await);
}
