//! Everything that is tested from outside, in one binary.

mod cases;
mod directory;
mod edits;
