//! Our own small proxies, one file for each service, with the few calls that we make.

pub(super) mod login1;
pub(super) mod upower;
