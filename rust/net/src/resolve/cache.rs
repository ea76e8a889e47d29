//! The answers of one worker: what is fresh, what is still good enough, what is being asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::dns::{Answer, Dns};
use super::error::{ResolveError, ResolveErrorKind};
use super::hosts::HostsFile;
use super::options::Options;

/// How long an answer is served past its time while a newer one is fetched.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long an answer is served past its time while the name servers fail.
pub const STALE: Duration = Duration::from_hours(1);

/// Names that are remembered; those whose answers end first make room.
const MOST_NAMES: usize = 4_096;

/// Resolves names for one worker; clones share their answers.
///
/// Not `Send`, so it needs no lock: each worker asks for itself.
#[derive(Clone, Debug)]
pub struct Resolver(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    dns: Dns,
    now: fn() -> Instant,
    entries: RefCell<HashMap<Arc<str>, Entry>>,
}

/// What is known of one name.
#[derive(Debug)]
struct Entry {
    /// `None` until the first lookup has ended.
    outcome: Option<Result<Arc<[IpAddr]>, ResolveErrorKind>>,
    /// When to ask again.
    due: Instant,
    /// Until when `outcome` is used at all.
    until: Instant,
    /// Until when it was valid by the name servers' word.
    valid: Instant,
    /// Closed when the lookup under way has ended.
    asking: Option<watch::Receiver<()>>,
}

impl Resolver {
    /// A resolver with no answers yet.
    ///
    /// # Errors
    /// When no name servers are given and `resolv.conf` cannot be read or names none.
    #[expect(clippy::disallowed_methods, reason = "the clock that tests replace")]
    pub fn new(options: &Options) -> std::io::Result<Self> {
        Self::with(options, HostsFile::new("/etc/hosts"), Instant::now)
    }

    pub(super) fn with(
        options: &Options,
        hosts: HostsFile,
        now: fn() -> Instant,
    ) -> std::io::Result<Self> {
        let dns = Dns::new(options, hosts)?;
        Ok(Self(Rc::new(Shared { dns, now, entries: RefCell::default() })))
    }

    /// The addresses of `name` as far as they are known and usable at `now`; no waiting.
    ///
    /// Starts a lookup behind the caller's back if the answer is due to be renewed.
    ///
    /// # Panics
    /// As [`lookup`](Self::lookup).
    pub fn cached(&self, name: &str, now: Instant) -> Option<Arc<[IpAddr]>> {
        let addresses = {
            let entries = self.0.entries.borrow();
            let entry = entries.get(name)?;
            match &entry.outcome {
                Some(Ok(addresses)) if now < entry.until => {
                    if now < entry.due || entry.asking.is_some() {
                        return Some(Arc::clone(addresses));
                    }
                    Arc::clone(addresses)
                }
                _ => return None,
            }
        };
        self.ask(name);
        Some(addresses)
    }

    /// The addresses of `name`: known ones at once, others when the name servers have answered.
    ///
    /// Lookups of one name at the same time are one lookup. A literal address is its own answer.
    ///
    /// # Errors
    /// [`ResolveError`]; remembered for a short time, as long as the name servers say.
    ///
    /// # Panics
    /// Outside a `LocalRuntime` and a `LocalSet`.
    pub async fn lookup(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Arc::new([address]));
        }
        let now = (self.0.now)();
        if let Some(addresses) = self.cached(name, now) {
            return Ok(addresses);
        }
        if let Some(error) = self.known_error(name, now) {
            return Err(error);
        }
        let mut asking = self.ask(name);
        // An error says that the sender is gone: the lookup has ended.
        let _ = asking.changed().await;
        self.outcome(name)
    }

    /// The lookup of `name` that is under way.
    #[cfg(test)]
    pub(super) fn asking(&self, name: &str) -> Option<watch::Receiver<()>> {
        self.0.entries.borrow().get(name)?.asking.clone()
    }

    fn known_error(&self, name: &str, now: Instant) -> Option<ResolveError> {
        let entries = self.0.entries.borrow();
        let (key, entry) = entries.get_key_value(name)?;
        match &entry.outcome {
            Some(Err(kind)) if now < entry.until => {
                Some(ResolveError::new(Arc::clone(key), kind.clone()))
            }
            _ => None,
        }
    }

    /// What the lookup that has just ended left behind.
    fn outcome(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        let entries = self.0.entries.borrow();
        let outcome = entries.get(name).and_then(|entry| entry.outcome.clone());
        let lost = || Err(ResolveErrorKind::Unavailable("the lookup was given up".into()));
        outcome.unwrap_or_else(lost).map_err(|kind| ResolveError::new(name.into(), kind))
    }

    /// Joins the lookup of `name` that is under way, or starts one.
    fn ask(&self, name: &str) -> watch::Receiver<()> {
        let mut entries = self.0.entries.borrow_mut();
        if let Some(asking) = entries.get(name).and_then(|entry| entry.asking.clone()) {
            return asking;
        }
        let (ended, asking) = watch::channel(());
        let key: Arc<str> = match entries.get_key_value(name) {
            Some((key, _)) => Arc::clone(key),
            None => name.into(),
        };
        let now = (self.0.now)();
        if entries.len() >= MOST_NAMES && !entries.contains_key(name) {
            make_room(&mut entries, now);
        }
        let fresh = || Entry { outcome: None, due: now, until: now, valid: now, asking: None };
        entries.entry(Arc::clone(&key)).or_insert_with(fresh).asking = Some(asking.clone());
        drop(entries);

        let shared = Rc::clone(&self.0);
        // A task of its own: the request that asked first may go away while others wait.
        tokio::task::spawn_local(async move {
            let answer = shared.dns.look_up(&key).await;
            shared.learn(key, answer);
            drop(ended);
        });
        asking
    }
}

impl Shared {
    /// Files an answer. A failure leaves what was known before to be used on, for a time.
    fn learn(&self, name: Arc<str>, answer: Answer) {
        let now = (self.now)();
        let due = now + answer.valid;
        let mut entries = self.entries.borrow_mut();
        let fresh = || Entry { outcome: None, due, until: due, valid: due, asking: None };
        let entry = entries.entry(name).or_insert_with(fresh);
        entry.asking = None;
        entry.due = due;
        let failed = matches!(answer.addresses, Err(ResolveErrorKind::Unavailable(_)));
        let usable = matches!(entry.outcome, Some(Ok(_))) && now < entry.valid + STALE;
        if failed && usable {
            entry.until = entry.valid + STALE;
            return;
        }
        entry.until = if answer.addresses.is_ok() { due + GRACE } else { due };
        entry.valid = due;
        entry.outcome = Some(answer.addresses);
    }
}

/// Forgets what is no longer used, or else the answer that ends first.
fn make_room(entries: &mut HashMap<Arc<str>, Entry>, now: Instant) {
    entries.retain(|_, entry| entry.asking.is_some() || now < entry.until);
    if entries.len() < MOST_NAMES {
        return;
    }
    let idle = entries.iter().filter(|(_, entry)| entry.asking.is_none());
    if let Some(first) = idle.min_by_key(|(_, entry)| entry.until).map(|(name, _)| Arc::clone(name))
    {
        entries.remove(&first);
    }
}
