//! Real servers for the tests, and what stands between them and us.

pub mod git_server;
