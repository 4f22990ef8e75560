//! Drives the engine: timer, watches, leader election.

pub mod lease;
