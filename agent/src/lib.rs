//! Steward's agent: the one path from a request to a done action.
//!
//! ```text
//! door       bytes ──decode──▶ Call                       the Caller comes from the kernel or the door
//! core       Request { caller, call }
//! interpret  a sentence ──▶ a named call                  no IO, no side effects
//! action     a named call ──▶ Plan                        typed once, at the edge
//! look       the facts that judging needs                 reads only
//! gate       judge ──▶ admit ──▶ Approved │ held │ no     only the gate makes an Approved
//! audit      the record is on disk                        before anything runs
//! execute    Approved ──▶ outcome                         only here does anything run
//! audit      the record of the end
//! door       Reply ──encode──▶ bytes
//! ```
//!
//! The modules in reading order:

pub mod request;
pub mod reply;
pub mod core;
pub mod interpret;
pub mod action;
pub mod caller;
pub mod gate;
pub mod execute;
pub mod audit;
pub mod events;
pub mod door;
pub mod server;
pub mod services;
pub mod backend;
pub mod memory;
pub mod receipts;
pub mod store;
pub mod policy_files;
pub mod config;
pub mod clock;
pub mod fault;
