//! Drives the engine: watches, the aligned timer, leader election, probes, shutdown.
//!
//! It decides *when*; what is done then is the engine's business. Start at [`run`].

pub mod health;
pub mod lease;
pub mod reconcile;
pub mod run;
pub mod triggers;
