//! Interim.
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Resolver;

impl Resolver {
    pub(crate) fn cached(&self, _name: &str) -> Option<Arc<[IpAddr]>> {
        None
    }
    pub(crate) async fn lookup(&self, name: &str) -> std::io::Result<Arc<[IpAddr]>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|a| a.ip()).collect())
    }
}
