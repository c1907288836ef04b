//! Messages and services of the protocol, as `./dev protocol` writes them from `../protos`. They are checked in, so that neither
//! protoc nor a compiler of protocols is needed to build Prometric.
#![expect(
    clippy::allow_attributes,
    clippy::enum_variant_names,
    unused_qualifications,
    reason = "nobody writes this by hand, and nobody mends it by hand"
)]
#![allow(dead_code)] // messages that only a client speaks

pub mod event_store {
    pub mod client {
        include!("generated/event_store.client.rs");

        pub mod gossip {
            include!("generated/event_store.client.gossip.rs");
        }

        pub mod persistent_subscriptions {
            include!("generated/event_store.client.persistent_subscriptions.rs");
        }

        pub mod server_features {
            include!("generated/event_store.client.server_features.rs");
        }

        pub mod streams {
            include!("generated/event_store.client.streams.rs");
        }
    }
}

pub mod google {
    pub mod rpc {
        include!("generated/google.rpc.rs");
    }
}
