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

pub mod action;
pub mod args;
pub mod audit;
pub mod backend;
pub mod caller;
pub mod clock;
pub mod config;
pub mod core;
pub mod door;
pub mod events;
pub mod execute;
pub mod fault;
pub mod gate;
pub mod memory;
pub mod notify;
pub mod policy_files;
pub mod provenance;
pub mod receipts;
pub mod reply;
pub mod request;
pub mod server;
pub mod services;
pub mod store;
