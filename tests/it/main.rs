//! Everything that is tested from outside, in one binary.

mod cases;
mod controller;
mod docs;
mod faults;
mod scenarios;
mod support;
mod world;
