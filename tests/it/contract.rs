//! What `/openapi.json` says is what the server does: the document is complete, real answers keep to it, and a tool that
//! knows nothing but the document finds no difference.

mod answers;
mod complete;
mod schemathesis;
mod things;
