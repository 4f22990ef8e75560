//! Drives the engine: watches, the aligned timer, leader election, probes, shutdown.
//!
//! It decides *when*; what is done then is the engine's business. Start at [`run`].

mod cycles;
pub mod health;
pub mod lease;
mod narrate;
pub mod reconcile;
pub mod run;
pub mod triggers;
