//! How a witness is spoken to: HTTP, in the clear or through TLS. It is what files in a bucket are spoken for, too: hyper, and rustls
//! with ring.

use super::{
    client::Witness,
    tls::{self, TlsError},
};
use axum::http::{Method, Request, StatusCode, Uri, header::CONTENT_TYPE};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use std::{error::Error, path::PathBuf, time::Duration};
use tokio::time::timeout;

/// How long a witness may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// All that a witness has refused of one workspace, and several times that.
const ANSWER_MAX: usize = 1 << 20;

/// Whose certificates are believed.
#[derive(Debug, Clone, Args)]
pub struct Trust {
    /// Certificates of authorities that witnesses have theirs from, in PEM; believed beside those that this machine trusts.
    #[arg(long, env = "WITNESS_ROOTS", value_name = "FILE", value_parser = crate::config::folder)]
    pub witness_roots: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Wire(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("it cannot be reached")]
    Request(#[from] legacy::Error),
    #[error("its answer breaks off, or does not end")]
    Answer(#[source] Box<dyn Error + Send + Sync>),
    #[error("it has not answered within {} s", PATIENCE.as_secs())]
    Late,
    #[error("it does not speak as a witness does")]
    Json(#[from] serde_json::Error),
    #[error("it has no address")]
    Address(#[from] axum::http::Error),
}

impl Trust {
    /// Those at these addresses, which [`address`] has read.
    pub fn witnesses(&self, urls: &[String]) -> Result<Vec<Witness>, TlsError> {
        let own = self.witness_roots.as_deref();
        let config = tls::believing(own.filter(|file| !file.as_os_str().is_empty()))?;
        let https = HttpsConnectorBuilder::new().with_tls_config(config);
        let https = https.https_or_http().enable_http1().build();
        let wire = Wire(Client::builder(TokioExecutor::new()).build(https));
        let named = urls.iter().filter(|url| !url.is_empty());
        Ok(named.map(|url| Witness::new(url, &wire)).collect())
    }
}

impl Wire {
    pub async fn get(&self, url: &str) -> Result<(StatusCode, Bytes), WireError> {
        self.ask(Request::get(url).body(Full::default())?).await
    }

    pub async fn post(&self, url: &str, said: &impl Serialize) -> Result<(StatusCode, Bytes), WireError> {
        let said = serde_json::to_vec(said)?;
        let request = Request::builder().method(Method::POST).uri(url);
        let request = request.header(CONTENT_TYPE, "application/json");
        self.ask(request.body(Full::from(said))?).await
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), WireError> {
        let answered = async {
            let answer = self.0.request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
            Ok((status, body.map_err(WireError::Answer)?.to_bytes()))
        };
        timeout(PATIENCE, answered).await.map_err(|_| WireError::Late)?
    }
}

/// `https://host:port`, perhaps with a path; an empty one is none.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let is_known = text.is_empty() || text.starts_with("https://") || text.starts_with("http://");
    let is_plain = |uri: Uri| {
        let host = uri.authority().filter(|host| !host.as_str().contains('@'));
        host.is_some_and(|host| !host.host().is_empty()) && uri.query().is_none() && !text.contains('#')
    };
    match is_known && (text.is_empty() || text.parse().is_ok_and(is_plain)) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no address such as https://witness.example:8443")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_where_a_path_can_be_added() {
        let read = |text: &str| address(text).ok();
        for right in [
            "http://127.0.0.1:8400",
            "https://witness.example",
            "https://[::1]:8443/of/ours",
            "",
        ] {
            assert_eq!(read(right).as_deref(), Some(right), "{right}");
        }
        assert_eq!(
            read(" https://witness.example/ ").as_deref(),
            Some("https://witness.example")
        );
        for wrong in [
            "witness.example:8443",
            "ftp://witness.example",
            "https://",
            "https://:8443",
            "https://me:word@witness.example",
            "https://witness.example/?a=b",
            "https://witness.example/#heads",
            "https://a b",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
