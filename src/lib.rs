//! Keeps the container images of Argo CD Applications up to date.
//!
//! The layers, outermost first; a module may import what stands further right:
//!
//! ```text
//! main -> cli -> controller -> engine -> { registry, git, cluster } -> core -> api
//! ```
//!
//! `telemetry`, `secret` and `http` are leaves that everything but `core` and `api` may use; `identity`, which speaks to
//! clouds, is one for `engine` and `cli`. Siblings in braces do not import each other. Decisions are made in `core`, which is pure; effects happen at the edge. `ARCHITECTURE.md` has the
//! map, and a test reads the `use` lines and fails on an edge that the map does not have.

// What may only be called at the edge is listed in `clippy.toml`. `api`, `core`, `settings` and `secret` call none of it.
pub mod api;
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: it reads the command line and the environment"
)]
pub mod cli;
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: it speaks to the cluster and to folders"
)]
pub mod cluster;
#[expect(clippy::disallowed_methods, reason = "the edge: it knows the time")]
pub mod controller;
pub mod core;
#[expect(clippy::disallowed_methods, reason = "the edge: it knows the time")]
pub mod engine;
#[expect(clippy::disallowed_methods, reason = "the edge: it runs git and keeps mirrors")]
pub mod git;
pub mod http;
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: it reads the identity that a platform put into the environment"
)]
pub mod identity;
#[expect(clippy::disallowed_methods, reason = "the edge: it speaks to registries")]
pub mod registry;
pub mod secret;
pub mod settings;
#[expect(clippy::disallowed_methods, reason = "the edge: it writes logs")]
pub mod telemetry;
