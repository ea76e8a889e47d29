//! An upstream's way of choosing, made ready when it is published.

use std::ops::Range;

use gateway_core::config::Balancer;
use gateway_kit::ketama::{Ring, node_id};

use super::key::Key;
use crate::upstream::Node;
use crate::upstream::endpoint::{Endpoint, Held};
use crate::variables::View;

/// How the nodes of an upstream are chosen.
#[derive(Debug)]
pub(crate) enum Method {
    /// In turn, by weight.
    RoundRobin,
    /// By a key's place on a ring; one for each group.
    ConsistentHash(Key, Box<[Ring]>),
    /// The better of two by the average time to an answer.
    Ewma,
    /// The one with the fewest requests under way for its weight.
    LeastConnections,
}

impl Method {
    /// Makes the method of a document ready for its nodes, `groups` of which share a priority.
    ///
    /// # Errors
    /// A balancer that there is not.
    pub(crate) fn build(
        balancer: &Balancer,
        nodes: &[Node],
        groups: &[Range<usize>],
    ) -> Result<Self, String> {
        Ok(match balancer {
            Balancer::RoundRobin => Self::RoundRobin,
            // A single node needs no ring to be found.
            Balancer::ConsistentHash(_) if nodes.len() < 2 => Self::RoundRobin,
            Balancer::ConsistentHash(key) => {
                let id = |node: &Node| (node_id(&node.endpoint.authority), node.weight);
                let ring = |group: &Range<usize>| Ring::new(nodes[group.clone()].iter().map(id));
                Self::ConsistentHash(Key::new(key), groups.iter().map(ring).collect())
            }
            Balancer::Ewma => Self::Ewma,
            Balancer::LeastConnections => Self::LeastConnections,
            Balancer::Named(name) => {
                return Err(format!(
                    "there is no balancer {name:?}: use roundrobin, chash, ewma or least_conn"
                ));
            }
        })
    }

    /// The place of the request's key on the rings; anything where there are none.
    #[inline]
    pub(crate) fn hash(&self, view: &View<'_>) -> u32 {
        match self {
            Self::ConsistentHash(key, _) => key.hash(view),
            _ => 0,
        }
    }

    /// Counts a try at an endpoint as under way until what is returned is dropped, if the method
    /// goes by that. An upstream of one node counts, too: another may join it while its WebSockets
    /// stay open (APISIX's #12217).
    #[inline]
    pub(crate) fn hold<'a>(&self, endpoint: &'a Endpoint) -> Option<Held<'a>> {
        matches!(self, Self::Ewma | Self::LeastConnections).then(|| endpoint.load.hold())
    }

    /// Notes that an answer's head came, so many microseconds after the connection stood, if the
    /// method goes by that. APISIX counts from the beginning of the try to the end of the body, so
    /// that the node that streams seems the slow one; and the first sample, which counts whole for
    /// seconds, would be the only one with a handshake in it.
    #[inline]
    pub(crate) fn learn(&self, endpoint: &Endpoint, elapsed_us: u64, now_ms: u64) {
        if matches!(self, Self::Ewma) {
            endpoint.load.answered(elapsed_us, now_ms);
        }
    }
}
