//! The adapter's process: begun with the first call, begun again after it has ended, ended with this one. Calls and answers are told
//! apart by number; where the process ends, all calls that are under way hear that the engine is away.

use crate::wire::{Answer, Ask, Call, Told};
use log::EngineError;
use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// One that has ended is not begun again sooner.
const PAUSE: Duration = Duration::from_millis(500);

pub struct Adapter {
    address: String,
    program: PathBuf,
    running: Mutex<Option<Running>>,
    next: AtomicU64,
}

#[derive(Clone)]
struct Running {
    since: Instant,
    calls: UnboundedSender<Call>,
    waiting: Arc<Waiting>,
}

/// Who waits for answers, by call; nobody can any more when the process has ended.
struct Waiting(Mutex<Option<HashMap<u64, UnboundedSender<Told>>>>);

impl Waiting {
    fn all(&self) -> MutexGuard<'_, Option<HashMap<u64, UnboundedSender<Told>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, call: u64) -> Option<UnboundedReceiver<Told>> {
        let (tell, told) = unbounded_channel();
        self.all().as_mut()?.insert(call, tell);
        Some(told)
    }

    fn tell(&self, Answer { call, told }: Answer) {
        if let Some(tell) = self.all().as_ref().and_then(|waiting| waiting.get(&call)) {
            tell.send(told).ok(); // whoever has left asks for nothing more
        }
    }

    fn leave(&self, call: u64) {
        if let Some(waiting) = self.all().as_mut() {
            waiting.remove(&call);
        }
    }

    fn has_ended(&self) -> bool {
        self.all().is_none()
    }

    fn end(&self) {
        *self.all() = None;
    }
}

impl Adapter {
    pub fn new(address: String, program: PathBuf) -> Self {
        Self {
            address,
            program,
            running: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Its answers to that.
    pub async fn ask(&self, ask: Ask) -> Result<Answers, EngineError> {
        let running = self.running()?;
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let told = running.waiting.enter(call).ok_or_else(ended)?;
        running.calls.send(Call { id: call, ask }).map_err(|_| ended())?;
        Ok(Answers { call, told, running })
    }

    fn running(&self) -> Result<Running, EngineError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match &*running {
            Some(known) if !known.waiting.has_ended() => return Ok(known.clone()),
            Some(known) if known.since.elapsed() < PAUSE => return Err(ended()),
            Some(_) | None => {}
        }
        let begun = self.begin()?;
        Ok(running.insert(begun).clone())
    }

    /// The address may hold a password: it stands in the environment, which others cannot read.
    fn begin(&self) -> Result<Running, EngineError> {
        let begun = Command::new(&self.program)
            .env("LOG_ENGINE", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let cannot = |why: String| EngineError::Away(format!("{} cannot be begun: {why}", self.program.display()));
        let mut child = begun.map_err(|error| cannot(error.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot("it has no input or output".to_owned()));
        };
        let (calls, to_make) = unbounded_channel();
        let waiting = Arc::new(Waiting(Mutex::new(Some(HashMap::new()))));
        tokio::spawn(write(input, to_make));
        tokio::spawn(read(child, output, waiting.clone()));
        Ok(Running {
            since: Instant::now(),
            calls,
            waiting,
        })
    }
}

/// Writes calls until nobody can make any, or the process reads none; then its input ends, and so does it.
async fn write(mut input: ChildStdin, mut calls: UnboundedReceiver<Call>) {
    while let Some(call) = calls.recv().await {
        let Ok(mut line) = serde_json::to_vec(&call) else {
            return;
        };
        line.push(b'\n');
        if input.write_all(&line).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

/// Tells answers until there are none.
async fn read(mut child: Child, output: ChildStdout, waiting: Arc<Waiting>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(answer) => waiting.tell(answer),
            Err(error) => {
                tracing::error!(%error, "the adapter of the log's engine cannot be understood");
                break;
            }
        }
    }
    waiting.end();
    child.start_kill().ok();
    let status = child.wait().await;
    tracing::warn!(?status, "the adapter of the log's engine has ended");
}

fn ended() -> EngineError {
    EngineError::Away("its adapter has ended".to_owned())
}

/// The answers to one call.
pub struct Answers {
    call: u64,
    told: UnboundedReceiver<Told>,
    running: Running,
}

impl Answers {
    pub async fn next(&mut self) -> Result<Told, EngineError> {
        self.told.recv().await.ok_or_else(ended)
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.running.waiting.leave(self.call);
        let leave = Ask::Leave { call: self.call };
        self.running.calls.send(Call { id: 0, ask: leave }).ok();
    }
}
