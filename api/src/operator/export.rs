//! `prometric audit export`: a workspace's whole trail into a file, a line an event. Interrupted and started again, it goes
//! on behind the last whole line.

use super::{
    Failure, in_file, tell,
    trail::{Which, listener},
};
use crate::{
    audit::{Format, Measure, Source, Trail},
    config::Store,
    serve::open_store,
};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

const BAR: &str = "{bar:30} {pos}/{len} events, {per_sec}, {eta} left";
const PAGE: Measure = Measure {
    entries: 1_000,
    looks: 1_000,
};
/// Bytes read at a time from the end of a file, to find its last line.
const STEP: u64 = 64 << 10;

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    /// ndjson or csv.
    #[arg(long)]
    format: Format,
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    store: Store,
}

impl Export {
    pub async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let (workspace, filter) = (self.which.whose.only(&log).await?, self.which.filter());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.out)
            .map_err(|error| in_file(&self.out, error))?;
        let mut after = self.resume(&mut file).map_err(|error| in_file(&self.out, error))?;
        after = after.max(filter.begins_after(&log, workspace).await?);
        let bar = ProgressBar::new(log.head(workspace).await?.unsigned_abs());
        bar.set_style(ProgressStyle::with_template(BAR)?);
        bar.set_position(after.unsigned_abs());
        bar.reset_eta();
        let mut trail = Trail::new(log, pool, workspace);
        loop {
            let told = trail
                .page(Source::Workspace, after, &filter, listener(self.which.lang), PAGE)
                .await?;
            let mut lines = String::new();
            for entry in &told.entries {
                lines += &self.format.line(entry)?;
            }
            file.write_all(lines.as_bytes())
                .map_err(|error| in_file(&self.out, error))?;
            after = told.reached;
            bar.set_position(after.unsigned_abs());
            if told.is_over {
                break;
            }
        }
        file.sync_all().map_err(|error| in_file(&self.out, error))?;
        bar.finish_and_clear();
        let out = self.out.display();
        tell(format_args!("the trail up to position {after} is in {out}"))?;
        Ok(())
    }

    /// Cuts off what is behind the last whole line, and says its position: 0 in a new file, which gets its head. Another
    /// file is left alone.
    fn resume(&self, file: &mut File) -> Result<i64, Failure> {
        let length = file.metadata()?.len();
        let (head, whole) = (self.format.head(), last_break(file, length)?);
        file.seek(SeekFrom::Start(0))?;
        let mut begin = Vec::new();
        Read::by_ref(file).take(64).read_to_end(&mut begin)?;
        if !self.format.begins(&begin) {
            return Err("is another file: it does not begin as this format does".into());
        }
        let position = match whole {
            0 => 0,
            whole => {
                let before = last_break(file, whole - 1)?;
                file.seek(SeekFrom::Start(before))?;
                let mut line = String::new();
                Read::by_ref(file).take(whole - before).read_to_string(&mut line)?;
                let position = self.format.position(&line).or_else(|| (line == head).then_some(0));
                position.ok_or("is another file: its last line tells no position")?
            }
        };
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        if whole == 0 {
            file.write_all(head.as_bytes())?;
        }
        Ok(position)
    }
}

/// Behind the last line break before `end`; 0 when there is none.
fn last_break(file: &mut File, end: u64) -> Result<u64, Failure> {
    let mut end = end;
    while end > 0 {
        let begin = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        Read::by_ref(file).take(end - begin).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}
