"""The gateways that are measured, in the order of the report. The first is the baseline."""

from bench.peers.envoy import Envoy
from bench.peers.gatewright import Gatewright
from bench.peers.haproxy import Haproxy
from bench.peers.nginx import Nginx
from bench.peers.peer import Peer

PEERS: tuple[type[Peer], ...] = (Nginx, Gatewright, Haproxy, Envoy)
BASELINE = Nginx.name
