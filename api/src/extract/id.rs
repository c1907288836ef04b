//! Path parameters by name: the same routers answer with and without a workspace in the path. And a list's query.

use crate::problem::{Code, Problem};
use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{Uri, request::Parts},
};
use domain::{
    Rule,
    id::{DocumentId, ImageId, InteractionId, ProductId, QuoteId},
};
use std::marker::PhantomData;
use uuid::Uuid;

/// `{id}` of the path.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

/// `{id}` of a path that goes on, or of a list's: the query is for whoever reads the rest of it.
#[derive(Debug, Clone, Copy)]
pub struct Within<T>(pub T);

/// What the path names by its kind: `{productId}`.
#[derive(Debug, Clone, Copy)]
pub struct Param<T>(pub T);

/// The same in a path whose query is for whoever reads the rest of it.
#[derive(Debug, Clone, Copy)]
pub struct ParamWithin<T>(pub T);

/// What the path names a thing by.
pub trait InPath {
    const NAME: &'static str;
}

/// What is called by its kind in paths, where `{id}` is something else.
pub trait Kind: From<Uuid> {
    const NAME: &'static str;
}

impl Kind for ProductId {
    const NAME: &'static str = "productId";
}

impl Kind for ImageId {
    const NAME: &'static str = "imageId";
}

impl Kind for InteractionId {
    const NAME: &'static str = "interactionId";
}

impl Kind for DocumentId {
    const NAME: &'static str = "documentId";
}

impl Kind for QuoteId {
    const NAME: &'static str = "quoteId";
}

impl<T> InPath for Id<T> {
    const NAME: &'static str = "id";
}

impl<T: Kind> InPath for Param<T> {
    const NAME: &'static str = T::NAME;
}

impl<S: Send + Sync, T: From<Uuid>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        no_query(&parts.uri)?;
        path_id(parts, state, Self::NAME).await.map(|id| Self(id.into()))
    }
}

impl<S: Send + Sync, T: Kind> FromRequestParts<S> for Param<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        no_query(&parts.uri)?;
        path_id(parts, state, T::NAME).await.map(|id| Self(id.into()))
    }
}

impl<S: Send + Sync, T: From<Uuid>> FromRequestParts<S> for Within<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, "id").await.map(|id| Self(id.into()))
    }
}

impl<S: Send + Sync, T: Kind> FromRequestParts<S> for ParamWithin<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        path_id(parts, state, T::NAME).await.map(|id| Self(id.into()))
    }
}

/// A named path parameter that must be a UUID.
pub async fn path_id<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<Uuid, Problem> {
    let text = path_text(parts, state, name).await?;
    let id = text.and_then(|text| Uuid::parse_str(&text).ok());
    id.ok_or_else(|| Problem::invalid_field(name, Rule::NotAUuid))
}

/// A named path parameter; `None` when the route has none of that name.
pub async fn path_text<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<Option<String>, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    // What does not decode to text is no UUID either. Which one it is, only the message tells.
    let params = params.map_err(|refusal| {
        let told = refusal.body_text();
        Problem::invalid_field(told.split('`').nth(1).unwrap_or(name), Rule::NotAUuid)
    })?;
    Ok(params
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned()))
}

/// What a query asks of a route that takes none would be ignored in silence: it is refused by its name; so is `asOf`, or the
/// present would be told as the past.
pub fn no_query(uri: &Uri) -> Result<(), Problem> {
    let query = uri.query().unwrap_or_default();
    let pair = query.split('&').find(|pair| !pair.is_empty());
    let Some(pair) = pair else { return Ok(()) };
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let name = pairs.ok().and_then(|Query(pairs)| pairs.into_iter().next());
    let name = name.map_or_else(|| pair.to_owned(), |(name, _)| name);
    Err(Problem::invalid_field(name, Rule::Unknown))
}

/// A list's query: what it may name is what a `V` has.
#[derive(Debug, Clone)]
pub struct List<V> {
    pub pairs: Vec<(String, String)>,
    of: PhantomData<fn() -> V>,
}

impl<S: Send + Sync, V> FromRequestParts<S> for List<V> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|_| Problem::new(Code::ValidationFailed))?;
        Ok(Self { pairs, of: PhantomData })
    }
}

/// For a route that takes nothing else which would refuse a query.
#[derive(Debug, Clone, Copy)]
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        no_query(&parts.uri).map(|()| Self)
    }
}
