//! A worker's handles to the figures of upstream nodes, by endpoint.
//!
//! ```text
//! figures.of(endpoint, recorder) ──▶ counts for as long as the endpoint is in use
//! figures.prune()                ──▶ nodes that have left give their place up
//! ```
//!
//! What surprises: the metrics keep a node's figures for as long as a handle is held, and have room
//! for [so many](crate::observe::metrics::NODES_MAX). So handles must not outlive their endpoints:
//! a configuration whose nodes come and go would fill that room with nodes that are gone.

use std::sync::{Arc, Weak};

use gateway_net::pool::ByEndpoint;

use crate::observe::metrics::{Node, Recorder};
use crate::upstream::endpoint::Endpoint;

#[cfg(test)]
mod tests;

/// The figures of the nodes that a worker has sent requests to.
#[derive(Debug, Default)]
pub(crate) struct Figures(ByEndpoint<(Node, Weak<Endpoint>)>);

impl Figures {
    /// The figures of an endpoint.
    #[inline]
    pub(crate) fn of(&mut self, endpoint: &Arc<Endpoint>, recorder: &Recorder) -> &Node {
        let known = self.0.entry(endpoint.id);
        let met = || (recorder.node(&endpoint.authority), Arc::downgrade(endpoint));
        &known.or_insert_with(met).0
    }

    /// Lets go of endpoints that nothing uses any more.
    pub(crate) fn prune(&mut self) {
        self.0.retain(|_, (_, endpoint)| endpoint.strong_count() > 0);
    }
}
