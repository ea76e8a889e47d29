//! The data plane: workers, matching, forwarding, answers.
//!
//! A request's way: [`worker`](worker/run.rs) accepts, [`client`](client/mod.rs) reads the head,
//! [`pipeline`](pipeline/mod.rs) matches, [`forward`](forward/mod.rs) sends and relays,
//! [`respond`](respond/mod.rs) answers what failed, [`observe`] counts and logs.

mod background;
mod balance;
mod client;
pub mod control;
mod exchange;
mod forward;
mod grpc;
mod health;
pub mod matching;
mod mtls;
pub mod observe;
mod pipeline;
pub mod publish;
mod respond;
pub mod settings;
mod shared;
mod snapshot;
mod status;
pub mod supervisor;
mod tls;
mod upstream;
mod variables;
mod worker;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
