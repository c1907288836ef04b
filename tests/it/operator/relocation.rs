//! `prometric workspace move`: a workspace goes to another database, is written here or there and never on both sides, and can be
//! taken back as long as nobody has written there.

use super::*;
use log::{Append, AppendError, Log, NewEvent, Stream, StreamAppend};
use prometric_tests::{Answer, append_to};
use uuid::Uuid;

/// An event of a new stream.
fn more(workspace: Uuid) -> Append {
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: "notification.read".into(),
        schema: 1,
        data: "{}".into(),
        number: None,
    };
    let stream = Stream {
        category: "notification",
        id: Uuid::now_v7(),
    };
    let appended = StreamAppend {
        stream,
        expected: Some(0),
        events: vec![event],
    };
    Append {
        streams: vec![appended],
        ..append_to(workspace)
    }
}

/// Business on one side, an empty database on the other.
struct Sides {
    business: Business,
    there: Database,
}

impl Sides {
    async fn open() -> Self {
        Self {
            business: Business::open().await,
            there: Database::create().await,
        }
    }

    fn go(&self, words: &[&str]) -> Output {
        let go = [
            "workspace",
            "move",
            &self.business.owner.workspace,
            "--to",
            &self.there.url,
        ];
        self.business.server.tool(&[&go[..], words].concat())
    }

    async fn write_here(&self) -> Answer {
        self.business.owner.post("/deals", self.business.shop.deal(1)).await
    }

    fn workspace(&self) -> Uuid {
        self.business.owner.workspace.parse().unwrap()
    }

    async fn heads(&self, there: &Log) -> (i64, i64) {
        let here = "select position from log.heads where workspace_id = $1";
        let here = sqlx::query_scalar(here).bind(self.workspace());
        (
            here.fetch_one(&self.business.pool).await.unwrap(),
            there.head(self.workspace()).await.unwrap(),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_goes_and_comes_back() {
    let sides = Sides::open().await;
    let moved = sides.go(&[]);
    assert!(moved.status.success(), "{}", said(&moved));
    let there = sides.there.log().await;
    let (here, arrived) = sides.heads(&there).await;
    assert_eq!(here, arrived);
    sides.write_here().await.refused(503, "SERVICE_UNAVAILABLE");
    sides.business.owner.get("/deals").await.expect(200);

    let back = sides.go(&["--take-back"]);
    assert!(back.status.success(), "{}", said(&back));
    sides.write_here().await.expect(201);
    let late = there.append(more(sides.workspace())).await;
    assert!(matches!(late, Err(AppendError::Closed)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_there_is_not_left_behind() {
    let sides = Sides::open().await;
    let moved = sides.go(&[]);
    assert!(moved.status.success(), "{}", said(&moved));
    let there = sides.there.log().await;
    there.append(more(sides.workspace())).await.unwrap();
    let refused = sides.go(&["--take-back"]);
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("is another one there"),
        "{}",
        said(&refused)
    );
    sides.write_here().await.refused(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_killed_is_done_again() {
    let sides = Sides::open().await;
    let url = sides.business.server.database_url.parse().unwrap();
    let (here, there) = (
        Log::open(url, sides.business.pool.clone()).await.unwrap(),
        sides.there.log().await,
    );
    let workspace = sides.workspace();
    // As a kill leaves it: closed here; closed there as well, and empty; closed on both sides, and whole.
    let leave_closed_there = async || there.close(workspace).await.unwrap();
    here.close(workspace).await.unwrap();
    leave_closed_there().await;
    for _ in 0..2 {
        let again = sides.go(&[]);
        assert!(again.status.success(), "{}", said(&again));
        leave_closed_there().await;
    }
    let again = sides.go(&[]);
    assert!(again.status.success(), "{}", said(&again));
    there.append(more(workspace)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_cannot_be_leaves_everything_open() {
    let sides = Sides::open().await;
    let there = sides.there.log().await;
    there.append(more(sides.workspace())).await.unwrap();
    let refused = sides.go(&[]);
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("is there already, and open"),
        "{}",
        said(&refused)
    );
    there.append(more(sides.workspace())).await.unwrap();
    sides.write_here().await.expect(201);
}
