//! Guides: longer pages than the documentation of a type. No code.

#[doc = include_str!("which_credential.md")]
pub mod which_credential {}

#[doc = include_str!("moving_to_oauth.md")]
pub mod moving_to_oauth {}

#[doc = include_str!("many_processes.md")]
pub mod many_processes {}

#[doc = include_str!("keys_elsewhere.md")]
pub mod keys_elsewhere {}

#[doc = include_str!("telemetry.md")]
pub mod telemetry {}

#[doc = include_str!("from_sync_code.md")]
pub mod from_sync_code {}
