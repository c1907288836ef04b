//! The erasure fence: who was erased, written down outside the database, in a file that only grows. A database that goes back
//! to a backup has keys again that were destroyed since; whoever opens it by the fence destroys them first. And what the
//! file has not heard of (it is new, or another node's) the database tells it.

use crate::{Log, PersonalError};
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt,
    sync::Mutex,
};
use uuid::Uuid;

/// A line each: workspace and person, both as ids, with a space between them.
#[derive(Debug)]
pub struct Fence {
    path: PathBuf,
    /// What stands there, as far as this node knows.
    noted: Mutex<BTreeSet<(Uuid, Uuid)>>,
}

#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    #[error("the list of erased people, {path}, cannot be read or written")]
    File { path: PathBuf, source: io::Error },
    /// It is not repaired by guessing: whoever is missing in it might come back.
    #[error("the list of erased people, {path}, line {line}: not a workspace and a person")]
    Line { path: PathBuf, line: usize },
}

impl Fence {
    /// Reads it, or begins it.
    pub async fn open(path: &Path) -> Result<Self, FenceError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(FenceError::File { path, source }),
        };
        let mut noted = BTreeSet::new();
        // A crash may have cut the last line short: then its key was not destroyed either.
        for (nth, line) in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .enumerate()
        {
            let ids = line.trim_end().split_once(' ');
            let ids = ids.and_then(|(workspace, person)| Some((workspace.parse().ok()?, person.parse().ok()?)));
            let line = nth + 1;
            noted.insert(ids.ok_or_else(|| FenceError::Line {
                path: path.clone(),
                line,
            })?);
        }
        let fence = Self {
            path,
            noted: Mutex::new(noted),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            fence.rewrite().await?;
        }
        Ok(fence)
    }

    /// Durable when this is done.
    pub async fn note(&self, workspace: Uuid, person: Uuid) -> Result<(), FenceError> {
        let mut noted = self.noted.lock().await;
        if noted.contains(&(workspace, person)) {
            return Ok(());
        }
        let written = async {
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path).await?;
            file.write_all(format!("{workspace} {person}\n").as_bytes()).await?;
            file.sync_all().await
        };
        written.await.map_err(|source| self.failed(source))?;
        noted.insert((workspace, person));
        Ok(())
    }

    /// Without the line that was cut short.
    async fn rewrite(&self) -> Result<(), FenceError> {
        let noted = self.noted.lock().await;
        let text: String = noted
            .iter()
            .map(|(workspace, person)| format!("{workspace} {person}\n"))
            .collect();
        let beside = self.path.with_extension("new");
        let written = async {
            let mut file = fs::File::create(&beside).await?;
            file.write_all(text.as_bytes()).await?;
            file.sync_all().await?;
            fs::rename(&beside, &self.path).await
        };
        written.await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> FenceError {
        let path = self.path.clone();
        FenceError::File { path, source }
    }
}

impl Log {
    /// Destroys the keys of all whom the fence knows to be erased, and tells it of those whom the database knows to be;
    /// answers whose keys had come back. From now on each erasure is noted there before it is made.
    pub async fn fenced(mut self, fence: Fence) -> Result<(Self, Vec<(Uuid, Uuid)>), PersonalError> {
        let known = "select workspace_id, person_id, wrapped is null from log.person_keys";
        let known: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(known).fetch_all(&self.pool).await?;
        let erased: BTreeSet<_> = known
            .iter()
            .filter(|(.., erased)| *erased)
            .map(|(w, p, _)| (*w, *p))
            .collect();
        let alive: BTreeSet<_> = known
            .iter()
            .filter(|(.., erased)| !*erased)
            .map(|(w, p, _)| (*w, *p))
            .collect();
        let noted = fence.noted.lock().await.clone();
        for (workspace, person) in erased.difference(&noted) {
            fence.note(*workspace, *person).await?;
        }
        self.fence = Some(Arc::new(fence));
        let mut back = Vec::new();
        for (workspace, person) in noted.difference(&erased) {
            self.erase_person(*workspace, *person).await?;
            if alive.contains(&(*workspace, *person)) {
                back.push((*workspace, *person));
            }
        }
        Ok((self, back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_read_back_and_a_line_cut_short_is_as_if_it_were_not_there() {
        let path = std::env::temp_dir().join(format!("prometric-fence-{}", Uuid::now_v7()));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let fence = Fence::open(&path).await.unwrap();
        for person in [one, two, one] {
            fence.note(one, person).await.unwrap();
        }
        let text = fs::read_to_string(&path).await.unwrap();
        assert_eq!(text, format!("{one} {one}\n{one} {two}\n"), "each once");
        fs::write(&path, format!("{text}{one} 0000")).await.unwrap();
        let fence = Fence::open(&path).await.unwrap();
        assert_eq!(*fence.noted.lock().await, BTreeSet::from([(one, one), (one, two)]));
        fence.note(two, two).await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), format!("{text}{two} {two}\n"));
        fs::write(&path, format!("{text}nobody\n")).await.unwrap();
        assert!(matches!(
            Fence::open(&path).await,
            Err(FenceError::Line { line: 3, .. })
        ));
        fs::remove_file(&path).await.unwrap();
    }
}
