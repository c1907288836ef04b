//! How long a process waits before somebody is told that it still waits. Nothing else happens then: it goes on waiting, and
//! goes on when what it waits for comes after all.

use chrono::TimeDelta;
use domain::{Role, id::UserId, office::notification::Audience};

/// What the system does by itself takes milliseconds; after an hour something stands in its way.
pub const BY_ITSELF: TimeDelta = TimeDelta::hours(1);
/// Saying how a product is made is an hour's work for somebody who has been told: two days, so that a day off does no harm.
pub const BILL: TimeDelta = TimeDelta::days(2);
/// Material is ordered and delivered within a week, or somebody should ask where it is.
pub const GOODS: TimeDelta = TimeDelta::days(7);
/// A refused step needs a person, who has been told: three days, a weekend and a day.
pub const PARKED: TimeDelta = TimeDelta::days(3);

/// Who hears that a deadline has passed: whoever the business is assigned to, else the owners.
pub fn responsible(assigned_to: Option<UserId>) -> Audience {
    assigned_to.map_or(Audience::Role(Role::Owner), Audience::User)
}
