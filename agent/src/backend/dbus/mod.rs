//! What is said to each service: one file a service, named after it, with small proxies of our own for the few calls that we make.

pub mod application;
pub mod bluez;
pub mod fwupd;
pub mod login1;
pub mod network_manager;
pub mod package_kit;
pub mod portal;
pub mod systemd1;
pub mod units;
pub mod upower;

use std::time::Duration;

use zbus::ObjectPath;
use zbus::proxy::{Builder, CacheProperties, Defaults};

/// How long a service may take from its name on the bus to its objects.
const BEGINNING: Duration = Duration::from_secs(2);
/// How often it is asked again meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// The result of a question or an order, which is repeated while the service has its name and not yet its objects: it was started a
/// moment ago, and has done nothing of what it was told. (A macro, because the future that is awaited is made anew each time.)
macro_rules! begun {
    ($call:expr) => {{
        let until = $crate::backend::dbus::beginning();
        loop {
            match $call.await {
                Err(e) if e.is_beginning() && $crate::backend::dbus::wait(until).await => {}
                done => break done,
            }
        }
    }};
}
pub(in crate::backend) use begun;

/// When a service that was started now must be there.
fn beginning() -> tokio::time::Instant {
    tokio::time::Instant::now() + BEGINNING
}

/// Waits a little; `false` when it is too late.
async fn wait(until: tokio::time::Instant) -> bool {
    tokio::time::sleep(AGAIN).await;
    tokio::time::Instant::now() < until
}

/// The one object of a service. Properties are read when they are asked for: nothing is kept that could be old, and no signal is
/// waited for.
pub(in crate::backend) async fn the<P>(bus: &zbus::Connection) -> zbus::Result<P>
where
    P: Defaults + From<zbus::Proxy<'static>>,
{
    Builder::<P>::new(bus).cache_properties(CacheProperties::No).build().await
}

/// An object of a service, by its path.
pub(in crate::backend) async fn at<'p, P>(bus: &zbus::Connection, path: impl Into<ObjectPath<'p>>) -> zbus::Result<P>
where
    P: Defaults + From<zbus::Proxy<'static>>,
{
    let path: ObjectPath<'static> = path.into().into_owned();
    Builder::<P>::new(bus).path(path).cache_properties(CacheProperties::No).build().await
}

/// The next item of a stream of signals; none when the connection has ended.
pub(in crate::backend) async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *stream).poll_next(cx)).await
}
