//! What was meant and what was answered, as the nodes tell it line by line. A line is out before the append is asked
//! for, and another after it was answered: so a node that is killed leaves operations whose outcome nobody knows, and
//! none that nobody knows of. `History` is what the oracle judges; `Journal` is the same as a file for people.

use super::op::Op;
use log::Recorded;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
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

/// What a node's clock is wrong by, in seconds; its own way to know better.
pub const CLOCK: &str = "PROMETRIC_CLOCK";

/// Microseconds; one machine's clock serves all nodes, and what a node's is wrong by is taken off again.
pub fn now() -> u64 {
    static SHIFT: LazyLock<i64> = LazyLock::new(|| {
        let shift = std::env::var(CLOCK).ok().and_then(|shift| shift.parse().ok());
        shift.unwrap_or(0)
    });
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    now.saturating_add_signed(-*SHIFT * 1_000_000)
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
    /// What a look at a stream found: the version it stands at and the mark of that event.
    Looked {
        asked: u64,
        answered: u64,
        workspace: Uuid,
        stream: Uuid,
        version: i64,
        mark: u64,
    },
    /// Command ids older than so many microseconds are about to be forgotten, and no later than that.
    Sweeping {
        keeps: u64,
        until: u64,
    },
    /// They were, as far as the sweep came, until now.
    Swept {
        keeps: u64,
        until: u64,
    },
    /// Another task of the keeper's was done.
    Kept {
        task: String,
    },
    /// How many batches went which way in this life so far: assumed, looked, locked.
    Ways {
        batches: [u64; 3],
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

/// What somebody saw of a stream, and between when and when.
#[derive(Debug, Clone)]
pub struct Sight {
    pub asked: u64,
    pub answered: u64,
    pub workspace: Uuid,
    pub stream: Uuid,
    pub version: i64,
    pub mark: Option<u64>,
}

#[derive(Debug, Default)]
pub struct History {
    pub operations: HashMap<Uuid, Operation>,
    pub sights: Vec<Sight>,
    /// Until when command ids older than so many microseconds may have been forgotten.
    pub sweeps: Vec<(u64, u64)>,
    /// The same of sweeps that have not ended, by node and life.
    pub sweeping: HashMap<String, (u64, u64)>,
    /// By task, how often it was done.
    pub kept: BTreeMap<String, usize>,
    /// By node and life.
    pub ways: HashMap<String, [u64; 3]>,
    pub readings: HashMap<String, Reading>,
    pub broken: Vec<String>,
    /// Appends acknowledged so far.
    pub written: usize,
    /// Appends told so far that nothing could be written, or that nobody knows.
    pub unavailable: usize,
}

impl History {
    pub fn take(&mut self, node: &str, line: Line) {
        match line {
            Line::Ready | Line::Paused => {}
            Line::Looked {
                asked,
                answered,
                workspace,
                stream,
                version,
                mark,
            } => self.sights.push(Sight {
                asked,
                answered,
                workspace,
                stream,
                version,
                mark: Some(mark),
            }),
            Line::Sweeping { keeps, until } => {
                self.sweeping.insert(node.to_owned(), (keeps, until));
            }
            Line::Swept { keeps, until } => {
                self.sweeping.remove(node);
                self.sweeps.push((keeps, until));
            }
            Line::Kept { task } => *self.kept.entry(task).or_default() += 1,
            Line::Ways { batches } => {
                self.ways.insert(node.to_owned(), batches);
            }
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
                    let away = matches!(answer, Answer::Unavailable(_) | Answer::Unknown(_));
                    self.unavailable += usize::from(away);
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

    /// How many batches went which way, in all lives of all nodes: assumed, looked, locked.
    pub fn all_ways(&self) -> [u64; 3] {
        let all = self.ways.values().copied();
        all.fold([0; 3], |sum, life| std::array::from_fn(|way| sum[way] + life[way]))
    }

    /// Whether a command id that was used then may have been forgotten since.
    pub fn is_forgotten(&self, used: u64) -> bool {
        let mut sweeps = self.sweeps.iter().chain(self.sweeping.values());
        sweeps.any(|(keeps, until)| used + keeps < *until)
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
