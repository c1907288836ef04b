//! Where files are kept that are no rows: in a folder, or in a bucket of S3 where one is named.

use crate::{config::folder, problem::Problem};
use clap::Args;
use files::{Bucket, Files, FilesError};
use log::chain;
use std::{fmt, path::PathBuf};

#[derive(Clone, Args)]
pub struct Storage {
    /// The folder of files such as products' images, made with the first one. All nodes see the same.
    #[arg(long, env = "FILES_DIR", value_name = "FOLDER", default_value = "files", value_parser = folder)]
    pub files_dir: PathBuf,
    /// Keeps them in this bucket instead; it is there already.
    #[arg(long, env = "S3_BUCKET", value_name = "NAME")]
    pub s3_bucket: Option<String>,
    /// Where that is when it is not Amazon's: `http://` or `https://`, host and port.
    #[arg(long, env = "S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,
    #[arg(long, env = "S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,
    #[arg(long, env = "S3_ACCESS_KEY_ID", hide_env_values = true, default_value = "")]
    pub s3_access_key_id: String,
    #[arg(long, env = "S3_SECRET_ACCESS_KEY", hide_env_values = true, default_value = "")]
    pub s3_secret_access_key: String,
}

impl Storage {
    /// Nothing is asked of it yet.
    pub fn open(&self) -> Result<Files, FilesError> {
        match named(self.s3_bucket.as_ref()) {
            None => Ok(Files::in_folder(self.files_dir.clone())),
            Some(name) => Files::in_bucket(&Bucket {
                name: name.clone(),
                region: self.s3_region.clone(),
                endpoint: named(self.s3_endpoint.as_ref()).cloned(),
                key_id: self.s3_access_key_id.clone(),
                secret_key: self.s3_secret_access_key.clone(),
            }),
        }
    }

    /// Another folder, or another bucket, `s3://` and its name, that is spoken to as this one is.
    pub fn elsewhere(&self, place: &str) -> Self {
        let (bucket, folder) = match place.strip_prefix("s3://") {
            Some(bucket) => (Some(bucket.to_owned()), self.files_dir.clone()),
            None => (None, place.into()),
        };
        Self {
            s3_bucket: bucket,
            files_dir: folder,
            ..self.clone()
        }
    }

    /// In words.
    pub fn place(&self) -> String {
        match named(self.s3_bucket.as_ref()) {
            None => format!("the folder {}", self.files_dir.display()),
            Some(name) => format!("the bucket {name}"),
        }
    }
}

/// Without what is secret.
impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage")
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}

/// An empty one is none: that is how a container's environment says so.
fn named(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.trim().is_empty())
}

impl From<FilesError> for Problem {
    fn from(error: FilesError) -> Self {
        tracing::error!(error = %chain(&error), "the store of files cannot be used");
        Self::unavailable("files.unavailable")
    }
}
