//! Published tests that ask for what is not served here (docs/eventstoredb.md), and why it is not. Every other one has to pass.

/// A reason, and the tests that it is the reason for.
pub const NOT_SERVED: &[(&str, &[&str])] = &[
    (
        "metadata streams are not served: access and age are the workspace's own affair",
        &["streams::test_metadata", "streams::test_metadata_not_exist"],
    ),
    (
        "nothing leaves the log",
        &["streams::test_delete_stream", "streams::test_tombstone_stream"],
    ),
    (
        "it appends to streams by names of its own, whose category is not `external`",
        &["streams::test_read_all_filter"],
    ),
    (
        "there is nothing to restart: each group is run by itself",
        &[
            "persistent_subscriptions::test_restart_persistent_subscription_subsystem",
            "operations::test_op_restart_persistent_subscription_subsystem",
        ],
    ),
    (
        "it reads gossip over HTTP, and the port speaks gRPC alone",
        &["operations::test_gossip"],
    ),
    (
        "figures of the server are told elsewhere (docs/operations.md)",
        &["operations::test_stats"],
    ),
    (
        "users are looked after by the API",
        &[
            "operations::test_create_user",
            "operations::test_update_user",
            "operations::test_delete_user",
            "operations::test_enable_user",
            "operations::test_disable_user",
            "operations::test_user_details",
            "operations::test_change_user_password",
            "operations::test_reset_user_password",
        ],
    ),
    (
        "it looks after a server of its makers: its indexes, nodes, chunks and process",
        &[
            "operations::test_merge_indexes",
            "operations::test_resign_node",
            "operations::test_set_node_priority",
            "operations::test_scavenge",
            "operations::test_shutdown",
        ],
    ),
    (
        "projections are not served",
        &[
            "projections::create_projection",
            "projections::delete_projection",
            "projections::update_projection",
            "projections::enable_projection",
            "projections::disable_projection",
            "projections::reset_projection",
            "projections::projection_state",
            "projections::projection_result",
        ],
    ),
];
