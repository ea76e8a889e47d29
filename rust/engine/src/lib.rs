//! The data plane: workers, matching, forwarding, answers.
