//! Decisions, and nothing else: no I/O, no clock, no environment, no logging, no async.
//!
//! Time comes in as an argument; reasons go out as values. Start at [`resolve`] (what a resource asks for), [`select`]
//! (which tag), [`plan`] (what changes) and [`render`] (the text that is written).

pub mod disposition;
pub mod duration;
pub mod foreign;
pub mod gotmpl;
pub mod image;
pub mod keys;
pub mod matching;
pub mod plan;
pub mod registries;
pub mod render;
pub mod report;
pub mod repository_url;
pub mod resolve;
pub mod schedule;
pub mod select;
pub mod signature;
pub mod strategy;
pub mod verdict;
pub mod yaml;
