//! Everything that is tested from outside, in one binary.

#[expect(unreachable_pub, reason = "`pub` says what a helper offers to the tests")]
#[path = "../support/mod.rs"]
mod support;

mod cases;
mod cluster;
mod cosign;
mod lease;
