//! The door: whoever calls says who they are, before a byte of what they send is taken. Only what a client asks in order to find
//! its way is answered to everybody: which methods there are, and where the server is.
//! And a request that breaks off must not look as if it had ended, as it does to who reads one that was cancelled: half an append is
//! none.

use crate::{
    certificate::named,
    house::{Credentials, Guest, House, Right},
    read::lacking,
};
use axum::{
    body::Body as Brought,
    extract::{Request, State},
    http::header::AUTHORIZATION,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use std::{net::IpAddr, sync::Arc};
use tonic::{
    Status,
    body::Body,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};

/// What everybody may ask.
const OPEN: [&str; 2] = [
    "/event_store.client.server_features.ServerFeatures/",
    "/event_store.client.gossip.Gossip/",
];

#[derive(Debug, thiserror::Error)]
#[error("the request broke off")]
struct BrokenOff;

/// Somebody who was let in.
pub struct Admitted<H: House> {
    pub guest: H::Guest,
    pub credentials: Credentials,
    pub from: Option<IpAddr>,
}

impl<H: House> Clone for Admitted<H> {
    fn clone(&self) -> Self {
        Self {
            guest: self.guest.clone(),
            credentials: self.credentials.clone(),
            from: self.from,
        }
    }
}

/// Middleware.
pub async fn admit<H: House>(State(house): State<Arc<H>>, mut request: Request, next: Next) -> Response {
    if OPEN.iter().any(|open| request.uri().path().starts_with(open)) {
        return next.run(request).await;
    }
    let admitted = match presented(&request) {
        Ok(credentials) => enter(house.as_ref(), credentials, peer(&request)).await,
        Err(status) => Err(status),
    };
    match admitted {
        Ok(admitted) => {
            request.extensions_mut().insert(admitted);
            let whole = |body: Brought| Brought::new(body.map_err(|_| BrokenOff));
            next.run(request.map(whole)).await
        }
        Err(status) => status.into_http::<Body>().into_response(),
    }
}

/// What the request says comes first; a certificate is the whole connection's.
fn presented(request: &Request) -> Result<Credentials, Status> {
    if let Some(header) = request.headers().get(AUTHORIZATION) {
        let credentials = header.to_str().ok().and_then(Credentials::read);
        return credentials.ok_or_else(|| Status::unauthenticated("credentials that are not known here"));
    }
    let certificates = sealed(request).and_then(TlsConnectInfo::peer_certs);
    let certificate = certificates.as_ref().and_then(|certificates| certificates.first());
    let certificate = certificate.ok_or_else(|| Status::unauthenticated("no credentials"))?;
    named(certificate).ok_or_else(|| {
        Status::unauthenticated("the certificate names nobody: its subject has no common name, or several")
    })
}

async fn enter<H: House>(house: &H, credentials: Credentials, from: Option<IpAddr>) -> Result<Admitted<H>, Status> {
    let guest = house.admit(&credentials, from).await?;
    guest.may(Right::Read).map_err(lacking)?;
    Ok(Admitted {
        guest,
        credentials,
        from,
    })
}

fn peer(request: &Request) -> Option<IpAddr> {
    let plain = request.extensions().get::<TcpConnectInfo>();
    let address = plain
        .or_else(|| sealed(request).map(TlsConnectInfo::get_ref))?
        .remote_addr()?;
    Some(address.ip().to_canonical())
}

fn sealed(request: &Request) -> Option<&TlsConnectInfo<TcpConnectInfo>> {
    request.extensions().get()
}
