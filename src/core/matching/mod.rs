//! Which rule of an `ImageUpdater` applies to an Application, and the pattern languages of its users.
//!
//! Pure. [`assign`] picks the rule, [`specificity`] has the score, [`pattern`] the name patterns (Go globs in [`glob`],
//! regular expressions in Go's syntax in [`regex`]) and [`labels`] the label selectors. Conflicts between two resources
//! are none of its business.

pub mod assign;
pub mod glob;
pub mod labels;
pub mod pattern;
pub mod regex;
pub mod specificity;
