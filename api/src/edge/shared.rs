//! Tower clones a service for every request, and with it all that it stands around: with a dozen layers that was a hundred
//! services copied and dropped each time. What is behind a `Shared` is copied when it is called, and no deeper than to the
//! next one.

use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Service, ServiceExt, layer::LayerFn, layer::layer_fn, util::Oneshot};

pub struct Shared<S>(Arc<S>);

impl<S> Shared<S> {
    fn new(service: S) -> Self {
        Self(Arc::new(service))
    }

    /// To stand between two layers.
    pub fn layer() -> LayerFn<fn(S) -> Self> {
        layer_fn(Self::new as fn(S) -> Self)
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Service<R> + Clone, R> Service<R> for Shared<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(())) // the copy is asked
    }

    fn call(&mut self, request: R) -> Oneshot<S, R> {
        S::clone(&self.0).oneshot(request)
    }
}
