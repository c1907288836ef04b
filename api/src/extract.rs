//! What handlers take: who asks and in which workspace, with which right, about what, how, and with which body. In a
//! signature the right stands first and the body last, so that a caller without the right learns nothing about the body.

mod body;
mod caller;
mod form;
mod id;
mod json;
pub mod past;
mod right;
mod strict;
mod tags;
mod whole;
mod with;
mod write;

pub use body::{Asked, Body, BodyHash, digit_holds};
pub use caller::{Caller, Holder, Leaving, Presented, SignedIn, present};
pub use form::{Form, Part};
pub use id::{Id, InPath, Kind, List, NoQuery, Param, ParamWithin, Within, no_query, path_id, path_text};
pub use json::Json;
pub use right::{Changeable, May, MayChange, Right};
pub use tags::Tags;
pub use whole::{BODIES_MAX, TooLong, drain, whole};
pub use with::{Edit, New, Nothing, With, numbers_of};
pub use write::{Write, Written, anonymous};

/// One marker per permission, for `May<DealsCreate>`.
pub mod rights {
    pub use super::right::markers::*;
}
