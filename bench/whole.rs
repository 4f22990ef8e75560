//! The program as a whole process against the real API server: memory, requests and speed.
//!
//! `make bench` prints the figures; nothing here passes or fails on time.

#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/apiserver.rs"]
mod apiserver;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/registry.rs"]
mod registry;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/servers.rs"]
mod servers;

fn main() {}
