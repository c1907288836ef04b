//! Keeping the log: what is changed is found and named; a workspace moves whole; old parts go away and come back.

mod archive;
mod decoding;
mod tampering;
mod transfer;

use log::{
    Append, Appended, Claim, ClaimAct, CommandId, Log, NewEvent, Number, Stream, StreamAppend, keeping::Report,
    keeping::Walk,
};
use prometric_tests::append_to;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// An append of so many events to one stream, each with a number of its own.
fn append(workspace: Uuid, stream: u128, expected: Option<i64>, events: usize) -> Append {
    let number = Some(Number {
        field: "number",
        series: "DL",
    });
    let event = || NewEvent {
        id: Uuid::now_v7(),
        event_type: "deal.created".into(),
        schema: 1,
        data: r#"{"number":"", "quoted":"\"\n\\","text":"жақсы"}"#.into(),
        number,
    };
    let stream = Stream {
        category: "deal",
        id: Uuid::from_u128(stream),
    };
    Append {
        streams: vec![StreamAppend {
            stream,
            expected,
            events: std::iter::repeat_with(event).take(events).collect(),
        }],
        ..append_to(workspace)
    }
}

/// The same with a key of that name claimed.
fn claiming(append: Append, key: &str) -> Append {
    let claim = Claim {
        kind: "deal.code",
        key: key.into(),
        stream_id: append.streams[0].stream.id,
        act: ClaimAct::Take,
    };
    Append {
        claims: vec![claim],
        ..append
    }
}

/// The same under a command id.
fn commanded(append: Append) -> Append {
    let command = CommandId {
        id: Uuid::from_u128(77),
        request_hash: [7; 32],
    };
    Append {
        command: Some(command),
        answer: "done".into(),
        ..append
    }
}

/// A new workspace with twelve events: 1 to 6 of the streams 1 and 2 in turn, the rest of stream 3.
async fn twelve(log: &Log) -> Uuid {
    let workspace = Uuid::now_v7();
    for version in 0..3 {
        for stream in [1, 2] {
            log.append(append(workspace, stream, Some(version), 1)).await.unwrap();
        }
    }
    let Appended { position, .. } = log.append(append(workspace, 3, Some(0), 6)).await.unwrap();
    assert_eq!(position, 12);
    workspace
}

async fn whole(log: &Log, workspace: Uuid, folder: Option<&Path>) -> Report {
    let walk = Walk {
        folder,
        ..Walk::default()
    };
    log.verify(workspace, &walk).await.unwrap()
}

/// A folder of a test's own. Goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("prometric-{}", Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
