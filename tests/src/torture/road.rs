//! The way from the nodes to the log's engine, where it is on this machine: it can be cut, and be closed for a while. To one elsewhere there
//! is none, and its faults are left to its operators.

use super::forwarder::Forwarder;
use crate::engine::Engine;

pub struct Road {
    /// Where the engine listens.
    port: u16,
    forwarder: Forwarder,
}

impl Road {
    pub async fn to(engine: &Engine) -> Option<Self> {
        let port = engine.port()?;
        let forwarder = Forwarder::start(port).await;
        Some(Self { port, forwarder })
    }

    /// The same engine, at the end of this way.
    pub fn lead(&self, engine: Engine) -> Engine {
        engine.at(self.forwarder.port)
    }

    pub fn cut(&self) {
        self.forwarder.cut();
    }

    pub fn close(&self) {
        self.forwarder.point_nowhere();
    }

    pub fn open(&self) {
        self.forwarder.point_to(self.port);
    }
}
