use gateway_core::config::Host;

use super::Figures;
use crate::observe::metrics::{Format, NODES_MAX, Registry};
use crate::upstream::endpoint::{Key, Registry as Endpoints};

#[test]
fn nodes_that_left_make_room() {
    let (registry, mut endpoints) = (Registry::new(0), Endpoints::default());
    let (recorder, mut figures) = (registry.recorder(0), Figures::default());
    for number in 0..=NODES_MAX as u16 {
        let host = Host::parse("10.0.0.1").expect("an address");
        let endpoint = endpoints.intern(Key { host, port: number + 1, tls: None });
        recorder.upstream_requested(figures.of(&endpoint, &recorder), false);
        drop(endpoint);
        figures.prune();
    }
    let page = registry.render(Format::Prometheus);
    assert!(page.contains("node=\"10.0.0.1:1025\""), "the newest has figures of its own");
    assert!(!page.contains("node=\"other\""));
}

#[test]
fn a_node_in_use_keeps_its_figures() {
    let (registry, mut endpoints) = (Registry::new(0), Endpoints::default());
    let (recorder, mut figures) = (registry.recorder(0), Figures::default());
    let host = Host::parse("10.0.0.1").expect("an address");
    let endpoint = endpoints.intern(Key { host, port: 80, tls: None });
    figures.of(&endpoint, &recorder);
    figures.prune();
    assert!(figures.0.contains_key(&endpoint.id));
}
