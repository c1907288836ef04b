//! A bucket of S3, or of whatever speaks as it does.

use crate::{
    store::FilesError,
    wire::{Wire, Wires},
};
use object_store::{
    RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};
use std::{fmt, time::Duration};

/// How often a request that came to nothing is tried again, and for how long: somebody waits for it.
const RETRIES: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it is, and who we are there.
#[derive(Clone)]
pub struct Bucket {
    pub name: String,
    pub region: String,
    /// `http://` or `https://`, with no path; without one it is Amazon's own of the region.
    pub endpoint: Option<String>,
    pub key_id: String,
    pub secret_key: String,
}

/// Without what is secret.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("name", &self.name)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    pub(crate) fn open(&self) -> Result<AmazonS3, FilesError> {
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: PATIENCE,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_access_key_id(&self.key_id)
            .with_secret_access_key(&self.secret_key)
            // Others have no certificate for a host name of each bucket.
            .with_virtual_hosted_style_request(self.endpoint.is_none())
            // Not everybody knows how to delete many at once, and we delete one.
            .with_disable_bulk_delete(true)
            .with_http_connector(Wires::new(Wire::open()?))
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder
                .with_endpoint(endpoint.trim_end_matches('/'))
                .with_allow_http(endpoint.starts_with("http://"));
        }
        Ok(builder.build()?)
    }
}
