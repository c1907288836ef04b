//! Who works here: people, their machines, their companies, and the workspaces that keep companies apart. All on the platform's log.

pub mod api_key;
pub mod organization;
pub mod person;
pub mod user;
pub mod workspace;
