//! The data plane: workers, matching, forwarding, answers.

pub mod matching;
pub mod observe;
