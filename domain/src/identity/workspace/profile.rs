//! What is known of a workspace besides its name: the one list of its fields. Stores say it of themselves (document 4).

use crate::{Change, Fields};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    #[field(max = 1_000)]
    pub description: Option<String>,
    #[field(max = 300)]
    pub address: Option<String>,
    #[field(max = 30)]
    pub phone: Option<String>,
    #[field(email)]
    pub email: Option<String>,
}
