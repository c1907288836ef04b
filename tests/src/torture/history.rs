//! What was meant and what was answered, as the nodes tell it line by line. A line is out before the append is asked
//! for, and another after it was answered: so a node that is killed leaves operations whose outcome nobody knows, and
//! none that nobody knows of. `History` is what the oracle judges; `Journal` is the same as a file for people.

use super::op::Op;
use log::Recorded;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// What the log said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Written {
        position: i64,
        events: Vec<Kept>,
    },
    /// The command id was known; this is what the first one did, and what it left to be told.
    Repeated {
        position: i64,
        events: Vec<Kept>,
        told: String,
    },
    Refused(Refusal),
    /// The log promises that nothing was written.
    Unavailable(String),
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    Version { stream: Uuid, expected: i64, actual: i64 },
    Guard { stream: Uuid, expected: i64, actual: i64 },
    Claimed { key: String, owner: Uuid },
    CommandReused,
    Other(String),
}

/// An event as it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub id: Uuid,
    pub stream: Uuid,
    pub position: i64,
    pub version: i64,
    pub mark: u64,
    pub data: String,
}

impl From<&Recorded> for Kept {
    fn from(event: &Recorded) -> Self {
        Self {
            id: event.event_id,
            stream: event.stream_id,
            position: event.position,
            version: event.version,
            mark: mark(&event.hash),
            data: event.data.clone(),
        }
    }
}

/// Eight bytes of an event's hash are enough to tell it from another.
pub fn mark(hash: &[u8; 32]) -> u64 {
    hash.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// Microseconds; one machine's clock serves all nodes.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// What a node says on its standard output, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Line {
    /// The log is open.
    Ready,
    Invoked {
        at: u64,
        op: Op,
    },
    Answered {
        at: u64,
        op: Uuid,
        answer: Answer,
    },
    /// A new reader, which begins behind that position.
    Following {
        reader: String,
        workspace: Uuid,
        after: i64,
    },
    /// Positions and marks, in the order they were read.
    Saw {
        reader: String,
        events: Vec<(i64, u64)>,
    },
    Left {
        reader: String,
    },
    /// Every writer has its answer, and none asks for more.
    Paused,
    /// Something that no fault excuses.
    Broken {
        text: String,
    },
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub op: Op,
    pub node: String,
    pub invoked: u64,
    pub answer: Option<(u64, Answer)>,
}

/// What one polling reader saw.
#[derive(Debug, Clone)]
pub struct Reading {
    pub node: String,
    pub workspace: Uuid,
    pub after: i64,
    pub seen: Vec<(i64, u64)>,
    /// Still at it: then it has to have reached the end.
    pub live: bool,
}

impl Reading {
    pub fn reached(&self) -> i64 {
        self.seen.last().map_or(self.after, |(position, _)| *position)
    }
}

#[derive(Debug, Default)]
pub struct History {
    pub operations: HashMap<Uuid, Operation>,
    pub readings: HashMap<String, Reading>,
    pub broken: Vec<String>,
    /// Appends acknowledged so far.
    pub written: usize,
}

impl History {
    pub fn take(&mut self, node: &str, line: Line) {
        match line {
            Line::Ready | Line::Paused => {}
            Line::Invoked { at, op } => {
                let operation = Operation {
                    op,
                    node: node.to_owned(),
                    invoked: at,
                    answer: None,
                };
                if let Some(other) = self.operations.insert(operation.op.id, operation) {
                    self.broken.push(format!("the harness used id {} twice", other.op.id));
                }
            }
            Line::Answered { at, op, answer } => match self.operations.get_mut(&op) {
                Some(operation) => {
                    self.written += usize::from(matches!(answer, Answer::Written { .. }));
                    operation.answer = Some((at, answer));
                }
                None => self.broken.push(format!("{node} answered {op}, which nobody asked")),
            },
            Line::Following {
                reader,
                workspace,
                after,
            } => {
                let reading = Reading {
                    node: node.to_owned(),
                    workspace,
                    after,
                    seen: vec![],
                    live: true,
                };
                self.readings.insert(reader, reading);
            }
            Line::Saw { reader, events } => match self.readings.get_mut(&reader) {
                Some(reading) => reading.seen.extend(events),
                None => self.broken.push(format!("nobody knows the reader {reader}")),
            },
            Line::Left { reader } => {
                if let Some(reading) = self.readings.get_mut(&reader) {
                    reading.live = false;
                }
            }
            Line::Broken { text } => self.broken.push(format!("{node}: {text}")),
        }
    }

    /// The node is no more, and its readers with it.
    pub fn gone(&mut self, node: &str) {
        let readings = self.readings.values_mut();
        readings
            .filter(|reading| reading.node == node)
            .for_each(|reading| reading.live = false);
    }

    /// Operations with a command id whose outcome that node has not told: whoever asked for them would ask elsewhere.
    pub fn unanswered(&self, node: &str) -> Vec<Op> {
        let operations = self.operations.values();
        let open = operations
            .filter(|operation| operation.node == node && operation.answer.is_none() && operation.op.command.is_some());
        let mut open: Vec<Op> = open.map(|operation| operation.op.clone()).collect();
        open.sort_by_key(|op| op.id);
        open
    }
}

/// All of it as NDJSON, in a file that goes with this unless it is to be kept.
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
    kept: bool,
}

impl Journal {
    pub fn create(folder: &Path, seed: u64) -> Self {
        fs::create_dir_all(folder).expect("a folder for the history");
        let path = folder.join(format!("torture-{seed}-{}.ndjson", std::process::id()));
        let file = BufWriter::new(File::create(&path).expect("a file for the history"));
        Self {
            path,
            file,
            kept: false,
        }
    }

    pub fn line(&mut self, node: &str, line: &Line) {
        self.write(&serde_json::json!({"at": now(), "node": node, "line": line}));
    }

    /// What the harness itself did or thought.
    pub fn note(&mut self, what: &str, text: &str) {
        self.write(&serde_json::json!({"at": now(), "note": what, "text": text}));
    }

    fn write(&mut self, value: &serde_json::Value) {
        let written = writeln!(self.file, "{value}");
        written.expect("room for the history");
    }

    /// Keeps the file and says where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.file.flush().expect("room for the history");
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if !self.kept {
            fs::remove_file(&self.path).ok();
        }
    }
}
