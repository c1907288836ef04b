//! How a bucket is spoken to. The store's own client would bring a second provider of TLS, or panic without one; this is the one that all else here has:
//! hyper, and rustls with ring, which trusts whom the machine trusts.

use crate::store::FilesError;
use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as Tcp},
    rt::TokioExecutor,
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use std::time::Duration;
use tokio::time::timeout;

/// Until the head of an answer is there.
const ANSWER: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Wire(Client<HttpsConnector<Tcp>, HttpRequestBody>);

impl Wire {
    pub fn open() -> Result<Self, FilesError> {
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(FilesError::Roots)?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = timeout(ANSWER, self.0.request(request)).await;
        let answered = answered.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let response = answered.map_err(|error| {
            let kind = match error.is_connect() {
                true => HttpErrorKind::Connect,
                false => HttpErrorKind::Request,
            };
            HttpError::new(kind, error)
        })?;
        let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(broken))))
    }
}

/// Gives the one that is open.
#[derive(Debug)]
pub struct Wires(Wire);

impl Wires {
    pub fn new(wire: Wire) -> Self {
        Self(wire)
    }
}

impl HttpConnector for Wires {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
