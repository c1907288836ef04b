//! The store: whole files under names, put, read and deleted. What was put is there when `put` returns, also after the power fails: a folder's file and
//! its entry are on the disk, a bucket has said so.

use crate::bucket::Bucket;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3, local::LocalFileSystem, path::Path};
use std::{io, path::PathBuf, sync::Arc};
use tokio::{fs, sync::OnceCell};

/// What is written to try whether something can be.
const PROBE: &str = "probe";

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("the folder {} cannot be used", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    #[error("the store of files refuses")]
    Store(#[from] object_store::Error),
    #[error("the certificates that this machine trusts cannot be read")]
    Roots(#[source] io::Error),
}

/// A file as it is read.
pub struct Stored {
    /// Bytes.
    pub size: u64,
    pub pieces: BoxStream<'static, Result<Bytes, FilesError>>,
}

#[derive(Clone)]
pub struct Files(Arc<Place>);

enum Place {
    /// Made when something is put there first.
    Folder {
        at: PathBuf,
        opened: OnceCell<LocalFileSystem>,
    },
    Bucket(AmazonS3),
}

impl Files {
    /// In that folder, which need not be there yet.
    pub fn in_folder(at: PathBuf) -> Self {
        let opened = OnceCell::new();
        Self(Arc::new(Place::Folder { at, opened }))
    }

    /// In a bucket, which is there.
    pub fn in_bucket(bucket: &Bucket) -> Result<Self, FilesError> {
        Ok(Self(Arc::new(Place::Bucket(bucket.open()?))))
    }

    /// A name is words of letters, digits, `-` and `.` with `/` between them. What was there under it is there no more.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), FilesError> {
        let store = self.store().await?;
        store.put(&Path::from(name), PutPayload::from_bytes(bytes)).await?;
        Ok(())
    }

    /// `None` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Option<Stored>, FilesError> {
        let found = match self.store().await?.get(&Path::from(name)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        Ok(Some(Stored {
            size: found.meta.size,
            pieces: found.into_stream().map(|piece| Ok(piece?)).boxed(),
        }))
    }

    /// One that is not there is deleted already.
    pub async fn delete(&self, name: &str) -> Result<(), FilesError> {
        match self.store().await?.delete(&Path::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts all that is below that name into another store, under the same names; answers how many are there then. What is there
    /// already stays: a name tells what is in the file.
    pub async fn copy(&self, below: &str, into: &Self) -> Result<usize, FilesError> {
        let mut found = self.store().await?.list(Some(&Path::from(below)));
        let mut copied = 0;
        while let Some(file) = found.try_next().await? {
            let name = file.location.as_ref();
            if into.size(name).await? == Some(file.size) {
                copied += 1;
                continue;
            }
            let Some(Stored { pieces, .. }) = self.get(name).await? else {
                continue; // deleted meanwhile
            };
            let pieces: Vec<Bytes> = pieces.try_collect().await?;
            into.put(name, pieces.concat().into()).await?;
            copied += 1;
        }
        Ok(copied)
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, FilesError> {
        match self.store().await?.head(&Path::from(name)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?.size)),
        }
    }

    /// Whether files can be put here: one is, and deleted again.
    pub async fn try_to_write(&self) -> Result<(), FilesError> {
        self.put(PROBE, Bytes::from_static(b"prometric")).await?;
        self.delete(PROBE).await
    }

    async fn store(&self) -> Result<&dyn ObjectStore, FilesError> {
        match &*self.0 {
            Place::Bucket(bucket) => Ok(bucket),
            Place::Folder { at, opened } => {
                let open = || async {
                    let made = fs::create_dir_all(at).await;
                    made.map_err(|error| FilesError::Folder(at.clone(), error))?;
                    Ok::<_, FilesError>(LocalFileSystem::new_with_prefix(at)?.with_fsync(true))
                };
                Ok(opened.get_or_try_init(open).await?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;

    async fn read(files: &Files, name: &str) -> Option<(u64, Vec<u8>)> {
        let Stored { size, pieces } = files.get(name).await.unwrap()?;
        let pieces: Vec<Bytes> = pieces.try_collect().await.unwrap();
        Some((size, pieces.concat()))
    }

    #[tokio::test]
    async fn what_is_put_is_read_back_until_it_is_deleted() {
        let at = std::env::temp_dir().join(format!("files-{}", process::id()));
        let files = Files::in_folder(at.clone());
        assert_eq!(read(&files, "a/1.png").await, None);
        for bytes in [&b"one"[..], b"another"] {
            files.put("a/1.png", Bytes::from_static(bytes)).await.unwrap();
            assert_eq!(
                read(&files, "a/1.png").await,
                Some((bytes.len() as u64, bytes.to_vec()))
            );
        }
        assert_eq!(std::fs::read(at.join("a/1.png")).unwrap(), b"another");
        for name in ["b/1.png", "a/2.png"] {
            files.put(name, Bytes::from_static(b"two")).await.unwrap();
        }
        let there = Files::in_folder(at.join("there"));
        assert_eq!(files.copy("a", &there).await.unwrap(), 2);
        assert_eq!(read(&there, "a/1.png").await, Some((7, b"another".to_vec())));
        assert_eq!(read(&there, "b/1.png").await, None);
        files.delete("a/1.png").await.unwrap();
        files.delete("a/1.png").await.unwrap();
        assert_eq!(read(&files, "a/1.png").await, None);
        files.try_to_write().await.unwrap();
        assert!(!at.join(PROBE).exists());
        std::fs::remove_dir_all(at).unwrap();
    }

    #[tokio::test]
    async fn where_a_file_stands_in_the_way_nothing_can_be_put() {
        let at = std::env::temp_dir().join(format!("no-files-{}", process::id()));
        std::fs::write(&at, "a file").unwrap();
        let refused = Files::in_folder(at.clone()).try_to_write().await;
        assert!(matches!(refused, Err(FilesError::Folder(..))), "{refused:?}");
        std::fs::remove_file(at).unwrap();
    }
}
