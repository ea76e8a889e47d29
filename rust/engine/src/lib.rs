//! The data plane: workers, matching, forwarding, answers.

pub mod observe;
