//! Whatever somebody does to the tables, the walk says what and where; what only signatures can show, they show.

use super::{Folder, append, twelve, whole};
use log::{
    HASH_ZERO, Log,
    keeping::{CheckError, SealError, SignedHead, Signer, VerifyError, Walk},
};
use prometric_tests::Database;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

async fn change(pool: &PgPool, workspace: Uuid, sql: &str) {
    let sql = sql.replace("HERE", &format!("workspace_id = '{workspace}'"));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

async fn found(log: &Log, workspace: Uuid) -> String {
    let error = log.verify(workspace, &Walk::default()).await.unwrap_err();
    error.to_string().replace(&workspace.to_string(), "W")
}

#[tokio::test]
async fn every_change_to_the_tables_is_found_and_named() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    let changes = [
        (
            "update log.events set data = '{}' where HERE and position = 5",
            "workspace W: position 5 was changed",
        ),
        (
            "update log.events set hash = '\\x00' where HERE and position = 12",
            "workspace W: the hash at position 12 is not 32 bytes long",
        ),
        (
            "delete from log.events where HERE and position = 5",
            "workspace W: position 5 is missing, found 6",
        ),
        (
            "update log.events set position = 13 - position + 100 where HERE and position in (4, 9); \
             update log.events set position = position - 100 where HERE and position > 100",
            "workspace W: position 4 was changed",
        ),
        (
            "delete from log.events where HERE and position > 9",
            "workspace W: the log should go on to position 12, but ends at 9",
        ),
        (
            "update log.heads set position = 9, hash = (select hash from log.events where HERE and position = 9) where HERE",
            "workspace W: position 12 is beyond the head, 9",
        ),
        (
            "delete from log.heads where HERE",
            "workspace W: position 12 is beyond the head, 0",
        ),
        (
            "update log.heads set hash = sha256(hash) where HERE",
            "workspace W: the head holds another hash than its event, position 12",
        ),
        (
            "insert into log.archived_streams select workspace_id, stream_id, 'deal', 7 from log.events where HERE and position = 1",
            "workspace W, through position 0: stream 00000000-0000-0000-0000-000000000001 is noted at Some(7), not None",
        ),
    ];
    for (sql, expected) in changes {
        let workspace = twelve(&log).await;
        let report = whole(&log, workspace, None).await;
        assert_eq!((report.events, report.position, report.streams), (12, 12, 3));
        change(&pool, workspace, sql).await;
        assert_eq!(found(&log, workspace).await, expected, "{sql}");
    }
}

/// The owner of the database writes another history, complete with hashes: the same positions, other events.
async fn rewrite(log: &Log, pool: &PgPool, workspace: Uuid, events: usize) {
    let forget = "delete from log.events where HERE; delete from log.heads where HERE; delete from log.numbers where HERE; \
        delete from log.trees where HERE";
    change(pool, workspace, forget).await;
    if events > 0 {
        log.append(append(workspace, 9, None, events)).await.unwrap();
    }
}

#[tokio::test]
async fn a_history_written_anew_is_told_by_a_signed_head() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    let (signer, stranger) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
    let keys = [signer.public_key()];
    let workspace = twelve(&log).await;
    let other = twelve(&log).await;
    let mut signed = log.sign_heads(&signer, None).await.unwrap();
    log.append(append(workspace, 1, None, 1)).await.unwrap();
    signed.extend(log.sign_head(workspace, &signer, None).await.unwrap());
    assert_eq!(log.sign_head(Uuid::now_v7(), &signer, None).await.unwrap(), None);

    let verify = async |signed: &[SignedHead]| {
        let keys = &keys;
        let walk = Walk {
            signed,
            keys,
            ..Walk::default()
        };
        log.verify(workspace, &walk).await
    };
    assert_eq!(
        verify(&signed).await.unwrap().signed,
        2,
        "of three, one is another workspace's"
    );
    for head in &signed {
        log.check_head(head, &keys).await.unwrap();
    }
    let strange = log.sign_head(workspace, &stranger, None).await.unwrap().unwrap();
    let unknown = verify(std::slice::from_ref(&strange)).await.unwrap_err();
    assert!(
        matches!(unknown, VerifyError::Sealed(SealError::UnknownKey { .. })),
        "{unknown}"
    );
    let forged = SignedHead {
        key_id: signer.public_key().id().into(),
        ..strange
    };
    let forged = log.check_head(&forged, &keys).await.unwrap_err();
    assert!(
        matches!(forged, CheckError::Sealed(SealError::Forged { position: 13, .. })),
        "{forged}"
    );

    for (events, rewritten) in [(20, true), (5, false), (0, false)] {
        rewrite(&log, &pool, workspace, events).await;
        whole(&log, workspace, None).await; // in itself there is nothing wrong with it
        let by_walk = verify(&signed).await.unwrap_err();
        let by_head = log.check_head(signed.last().unwrap(), &keys).await.unwrap_err();
        let (VerifyError::Sealed(by_walk), CheckError::Sealed(by_head)) = (by_walk, by_head) else {
            panic!("the signature should have told");
        };
        for error in [by_walk, by_head] {
            assert_eq!(matches!(error, SealError::Rewritten { .. }), rewritten, "{error}");
            assert_eq!(matches!(error, SealError::Truncated { .. }), !rewritten, "{error}");
        }
    }
    whole(&log, other, None).await;
}

#[tokio::test]
async fn a_walk_may_begin_where_a_signed_head_is_trusted() {
    let database = Database::create().await;
    let log = database.log().await;
    let workspace = twelve(&log).await;
    let head = log
        .sign_head(workspace, &Signer::from_seed(&[1; 32]), None)
        .await
        .unwrap()
        .unwrap();
    log.append(append(workspace, 3, Some(6), 3)).await.unwrap();
    let after = |after| Walk {
        after,
        ..Walk::default()
    };
    let report = log.verify(workspace, &after((12, head.hash))).await.unwrap();
    assert_eq!((report.events, report.position), (3, 15));
    let error = log.verify(workspace, &after((12, HASH_ZERO))).await.unwrap_err();
    assert!(error.to_string().ends_with("position 13 was changed"), "{error}");
}

#[tokio::test]
async fn a_segment_s_file_that_was_touched_is_named_and_never_restored() {
    let database = Database::create().await;
    let (log, pool, folder) = (database.log().await, database.pool().await, Folder::new());
    let workspace = twelve(&log).await;
    let segments = log.archive(workspace, 8, folder.path()).await.unwrap();
    let path = folder.path().join(&segments[0].file);
    let written = std::fs::read_to_string(&path).unwrap();
    let other = twelve(&log).await;
    let others = &log.archive(other, 8, folder.path()).await.unwrap()[0].file;
    let touched = [
        (written.replacen("жақсы", "жаман", 1), "position 1 was changed"),
        (
            written.lines().take(5).collect::<Vec<_>>().join("\n") + "\n",
            "the file ends before its trailer",
        ),
        (written.clone() + "x", "more follows the trailer"),
        (
            written.replacen("\"trailer\":{", "\"trailer\":{ ", 1),
            "not the file that was put away",
        ),
        (
            std::fs::read_to_string(folder.path().join(others)).unwrap(),
            "not the file that was put away",
        ),
    ];
    let away = Walk {
        folder: Some(folder.path()),
        ..Walk::default()
    };
    for (text, expected) in touched {
        std::fs::write(&path, text).unwrap();
        let error = log.verify(workspace, &away).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&segments[0].file), "{error}");
        log.restore(workspace, 1, folder.path()).await.unwrap_err();
    }
    std::fs::remove_file(&path).unwrap();
    let error = log.verify(workspace, &away).await.unwrap_err().to_string();
    assert!(error.contains(&segments[0].file), "{error}");
    let live = "select count(*) from log.events where workspace_id = $1";
    let live: i64 = sqlx::query_scalar(live).bind(workspace).fetch_one(&pool).await.unwrap();
    assert_eq!(live, 4, "no restore left anything");
    std::fs::write(&path, written).unwrap();
    whole(&log, workspace, Some(folder.path())).await;
    let noted =
        "update log.archived_streams set version = 9 where HERE and stream_id = '00000000-0000-0000-0000-000000000002'";
    change(&pool, workspace, noted).await;
    let error = log.verify(workspace, &away).await.unwrap_err();
    assert!(
        matches!(
            error,
            VerifyError::Noted {
                position: 8,
                noted: Some(9),
                actual: Some(3),
                ..
            }
        ),
        "{error}"
    );
}
