//! `/etc/hosts`, read again when it changes: containers and test rigs rewrite it under a running
//! process.

use std::cell::RefCell;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use hickory_resolver::Hosts;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};

/// A hosts file.
#[derive(Debug)]
pub(super) struct HostsFile {
    path: PathBuf,
    read: RefCell<Read>,
}

#[derive(Debug, Default)]
struct Read {
    /// When the file was changed last, as of this reading; `None` if it could not be read.
    changed: Option<SystemTime>,
    hosts: Hosts,
}

impl HostsFile {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), read: RefCell::default() }
    }

    /// The addresses it has for `name`: those of IPv4, or else those of IPv6 if they are wanted.
    pub(super) fn find(&self, name: &Name, ipv6: bool) -> Vec<IpAddr> {
        self.refresh();
        let read = self.read.borrow();
        let of = |kind| {
            let found = read.hosts.lookup_static_host(&Query::query(name.clone(), kind));
            let answers = found.iter().flat_map(Lookup::answers);
            answers.filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
        };
        let v4 = of(RecordType::A);
        if v4.is_empty() && ipv6 { of(RecordType::AAAA) } else { v4 }
    }

    /// Reads the file if it has changed. Asked once per lookup, not per request.
    fn refresh(&self) {
        let changed = fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        if changed == self.read.borrow().changed {
            return;
        }
        let mut hosts = Hosts::default();
        // What cannot be read is as good as empty, and tried again at the next change.
        if let Ok(text) = fs::read(&self.path) {
            let _ = hosts.read_hosts_conf(text.as_slice());
        }
        *self.read.borrow_mut() = Read { changed, hosts };
    }
}
