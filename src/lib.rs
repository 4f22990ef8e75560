//! Keeps the container images of Argo CD Applications up to date.
//!
//! The layers, outermost first; a module may import what stands further right:
//!
//! ```text
//! main -> cli -> controller -> engine -> { registry, git, cluster } -> core -> api
//! ```
//!
//! `telemetry`, `secret` and `http` are leaves that everything but `core` and `api` may use. Siblings in braces do not
//! import each other. Decisions are made in `core`, which is pure; effects happen at the edge. `ARCHITECTURE.md` has the
//! map, and a test reads the `use` lines and fails on an edge that the map does not have.

pub mod api;
pub mod cli;
pub mod cluster;
pub mod controller;
pub mod core;
pub mod engine;
pub mod git;
pub mod http;
pub mod registry;
pub mod secret;
pub mod settings;
pub mod telemetry;
