//! Which virtual host a server name belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use super::host::VirtualHost;

/// The virtual hosts of the TLS listeners, found by server name.
///
/// The most exact name wins: the name itself, then `*.` and what follows its first label, then the
/// longest suffix of the form `*suffix`, then `*`. A wildcard stands for one label, never for none
/// and never for two. Of two hosts with one name the first given is used. Immutable: a change is
/// another table.
///
/// ```
/// # use gateway_net::tls::CertificateTable;
/// let table = CertificateTable::new([], None);
/// assert!(table.find(Some("example.com")).is_none());
/// ```
#[derive(Debug, Default)]
pub struct CertificateTable {
    hosts: Vec<Arc<VirtualHost>>,
    exact: HashMap<Box<str>, usize>,
    /// By what follows the `*` of `*.domain`, the dot included.
    labels: HashMap<Box<str>, usize>,
    /// `*suffix` without a dot in between, longest first; hardly anybody has one.
    suffixes: Vec<(Box<str>, usize)>,
    any: Option<usize>,
    verifies_clients: bool,
    fallback: Option<Box<str>>,
}

impl CertificateTable {
    /// Builds a table. `fallback_sni` is the name assumed of clients that send none.
    pub fn new(
        hosts: impl IntoIterator<Item = Arc<VirtualHost>>,
        fallback_sni: Option<&str>,
    ) -> Self {
        let mut table = Self { fallback: fallback_sni.map(canonical), ..Self::default() };
        for host in hosts {
            let at = table.hosts.len();
            for name in host.names() {
                table.insert(&canonical(name), at);
            }
            table.verifies_clients |= host.client().is_some();
            table.hosts.push(host);
        }
        table.suffixes.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        table
    }

    fn insert(&mut self, name: &str, host: usize) {
        match name.strip_prefix('*') {
            None => {
                self.exact.entry(name.into()).or_insert(host);
            }
            Some("") => {
                self.any.get_or_insert(host);
            }
            Some(domain) if domain.starts_with('.') => {
                self.labels.entry(domain.into()).or_insert(host);
            }
            Some(suffix) => self.suffixes.push((suffix.into(), host)),
        }
    }

    /// The host for a name in lower case as a client sent it, or for the fallback if it sent none.
    pub fn find(&self, sni: Option<&str>) -> Option<&Arc<VirtualHost>> {
        let name = sni.or(self.fallback.as_deref());
        let found = match name.map(|name| name.strip_suffix('.').unwrap_or(name)) {
            Some(name) => self.exact(name).or_else(|| self.wildcard(name)).or(self.any),
            None => self.any,
        };
        found.map(|at| &self.hosts[at])
    }

    /// Whether any host asks for client certificates.
    #[inline]
    pub fn verifies_clients(&self) -> bool {
        self.verifies_clients
    }

    /// All hosts, each once; for the expiry metric.
    pub fn hosts(&self) -> &[Arc<VirtualHost>] {
        &self.hosts
    }

    fn exact(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied()
    }

    fn wildcard(&self, name: &str) -> Option<usize> {
        let dot = name.find('.').unwrap_or(name.len());
        let label = if dot == 0 { None } else { self.labels.get(&name[dot..]).copied() };
        label.or_else(|| {
            let stands_for_one_label = |suffix: &str| {
                name.strip_suffix(suffix)
                    .is_some_and(|star| !star.is_empty() && !star.contains('.'))
            };
            self.suffixes.iter().find(|(suffix, _)| stands_for_one_label(suffix)).map(|&(_, at)| at)
        })
    }
}

/// A name as it is compared: in lower case, without the root's dot.
fn canonical(name: &str) -> Box<str> {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into()
}
