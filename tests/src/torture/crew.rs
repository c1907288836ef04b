//! The nodes as their parent sees them: starting, killing, freezing, telling them to pause, and writing down all that
//! they say.

use super::{
    cluster::signal,
    desk::Desk,
    history::{CLOCK, Line},
    node::{Birth, Order},
    op::Op,
    oracle::{Finding, Flaw},
};
use crate::eventually;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
    Paused,
}

struct Node {
    birth: Birth,
    child: Child,
    orders: ChildStdin,
    stage: Arc<Mutex<Stage>>,
    /// Ends with the node.
    listening: JoinHandle<()>,
}

impl Node {
    fn stage(&self) -> Stage {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Crew {
    program: PathBuf,
    /// What makes clocks wrong.
    shim: Option<PathBuf>,
    desk: Desk,
    nodes: Vec<Node>,
}

impl Crew {
    /// Starts the nodes and waits until all of them are at work. `program` runs a node when its arguments are `node`
    /// and a birth.
    pub async fn start(
        program: PathBuf,
        shim: Option<PathBuf>,
        desk: Desk,
        births: impl Iterator<Item = Birth>,
    ) -> Self {
        let nodes = births
            .map(|birth| spawn(&program, shim.as_deref(), &desk, birth))
            .collect();
        let crew = Self {
            program,
            shim,
            desk,
            nodes,
        };
        crew.all_at(Stage::Running).await;
        crew
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// `kill -9`, and another in its place. Answers what nobody will ever be told about.
    pub async fn kill(&mut self, index: usize) -> Vec<Op> {
        let node = &mut self.nodes[index];
        node.child.kill().await.ok();
        (&mut node.listening).await.ok();
        let name = node.birth.name();
        let unanswered = {
            let mut record = self.desk.record();
            record.history.gone(&name);
            record.history.unanswered(&name)
        };
        let birth = Birth {
            life: node.birth.life + 1,
            shift: -node.birth.shift, // wrong the other way
            ..node.birth.clone()
        };
        *node = spawn(&self.program, self.shim.as_deref(), &self.desk, birth);
        unanswered
    }

    /// Stops the process where it stands. Answers what it is asked for meanwhile.
    pub fn freeze(&self, index: usize) -> Vec<Op> {
        self.signal(index, "STOP");
        let name = self.nodes[index].birth.name();
        self.desk.record().history.unanswered(&name)
    }

    pub fn thaw(&self, index: usize) {
        self.signal(index, "CONT");
    }

    fn signal(&self, index: usize, name: &str) {
        let process = self.nodes[index].child.id().expect("a node that runs");
        assert!(signal(process, name), "kill -{name} {process}");
    }

    /// Another client of that node asks for it.
    pub async fn ask(&mut self, index: usize, op: Op) {
        self.order(index, &Order::Append { op }).await;
    }

    /// Until every writer of every node has its answer.
    pub async fn pause(&mut self) {
        self.all_at(Stage::Running).await;
        for index in 0..self.nodes.len() {
            self.order(index, &Order::Pause).await;
        }
        self.all_at(Stage::Paused).await;
    }

    pub async fn resume(&mut self) {
        for index in 0..self.nodes.len() {
            *self.nodes[index].stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::Running;
            self.order(index, &Order::Resume).await;
        }
    }

    /// The nodes that ended though nobody killed them.
    pub fn deserters(&mut self) -> Vec<Finding> {
        let nodes = self.nodes.iter_mut();
        let ended = nodes.filter_map(|node| {
            let status = node.child.try_wait().ok()??;
            Some(Finding {
                flaw: Flaw::Broken,
                text: format!("node {} ended by itself: {status}", node.birth.name()),
            })
        });
        ended.collect()
    }

    /// A node that ended by itself cannot be told anything; `deserters` tells of it.
    async fn order(&mut self, index: usize, order: &Order) {
        let mut line = serde_json::to_vec(order).expect("an order is JSON");
        line.push(b'\n');
        self.nodes[index].orders.write_all(&line).await.ok();
    }

    async fn all_at(&self, stage: Stage) {
        let what = format!("all nodes are {stage:?}");
        eventually(&what, || async {
            self.nodes.iter().all(|node| node.stage() == stage).then_some(())
        })
        .await;
    }
}

fn spawn(program: &Path, shim: Option<&Path>, desk: &Desk, birth: Birth) -> Node {
    let argument = serde_json::to_string(&birth).expect("a birth is JSON");
    let mut command = Command::new(program);
    if let Some(shim) = shim.filter(|_| birth.shift != 0) {
        command.env("LD_PRELOAD", shim).env(CLOCK, birth.shift.to_string());
    }
    let mut child = command
        .args(["node", &argument])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0) // Ctrl-C is for us alone
        .kill_on_drop(true)
        .spawn()
        .expect("a node");
    let (orders, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let stage = Arc::new(Mutex::new(Stage::Starting));
    let listening = tokio::spawn(listen(output, desk.clone(), birth.name(), stage.clone()));
    Node {
        birth,
        child,
        orders,
        stage,
        listening,
    }
}

async fn listen(output: ChildStdout, desk: Desk, node: String, stage: Arc<Mutex<Stage>>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Only a node killed in mid-word says what is not a line; it is the last it says.
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            break;
        };
        match line {
            Line::Ready => *stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::Running,
            Line::Paused => *stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::Paused,
            _ => {}
        }
        let mut record = desk.record();
        record.journal.line(&node, &line);
        record.history.take(&node, line);
    }
}
