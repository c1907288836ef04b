//! Who works here: people, their companies, and the workspaces that keep companies apart. All on the platform's log.

pub mod organization;
pub mod person;
pub mod user;
pub mod workspace;
