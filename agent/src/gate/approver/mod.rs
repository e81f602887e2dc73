//! Who may answer a held request: chains of processes, and no self-approval.
//!
//! At `desktop` a person answers on a terminal that the requester did not make. Both chains are looked at as they were
//! stored, so a requester that is gone is judged like one that waits. Everything that is not known refuses.
//!
//! This stops confined agents and mistakes. It cannot stop unconfined code of the same uid, which can ask a terminal
//! multiplexer for a pane like a person; [`Approval::same_uid`] puts that into the audit record.

mod brokers;
mod chain;

pub use brokers::{Brokers, Kind};
pub use chain::{Chain, ChainError, Link, UserNamespace};

use brokers::By;

use crate::caller::Door;

/// An answer that counts at `desktop`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Approval {
    /// Whether requester and approver have the same uid, so that only the rules here stand between them.
    pub same_uid: bool,
    /// The program that gave the approver its terminal, or its command name where the agent may not read it.
    pub broker: String,
}

/// Why an answer does not count at `desktop`. The text says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It came in on the connection that the request came in on.
    #[error("the answer came from the connection that asked; {ELSEWHERE}")]
    SameConnection,
    /// The process that asked answers.
    #[error("the process that asked cannot approve its own request; {ELSEWHERE}")]
    SameProcess,
    /// It came through the daemon's standard input, where nobody knows who speaks.
    #[error("an answer over standard input has no known sender; {ELSEWHERE}")]
    UnknownSender,
    /// The approver is in a sandbox.
    #[error("the answer came from inside a sandbox; {ELSEWHERE}")]
    Sandboxed,
    /// The approver has no controlling terminal.
    #[error("the answer did not come from a terminal; {ELSEWHERE}")]
    NoTerminal,
    /// The approver's terminal is also the requester's, or that of one of the requester's parents.
    #[error("the answer came from the terminal that the request came from; {ELSEWHERE}")]
    SameTerminal,
    /// Requester and approver were started by the same program, and it is no broker.
    #[error("the answer came from a process that belongs to the requester's own program; {ELSEWHERE}")]
    CommonAncestor,
    /// Both are in one service.
    #[error("the answer came from the service that asked; {ELSEWHERE}")]
    SameService,
    /// Nothing that counts as a terminal for a person stands above the approver.
    #[error("the answer came from a terminal that no known terminal program or login made; {ELSEWHERE}")]
    NoBroker,
    /// Something that must be known of the requester or the approver is not.
    #[error("it is not known for sure that requester and approver are apart; {ELSEWHERE}")]
    FactMissing,
}

const ELSEWHERE: &str = "run `steward approve ID` in another terminal that the requester did not start";

impl Refusal {
    /// Every refusal.
    pub const ALL: [Refusal; 10] = [
        Refusal::SameConnection,
        Refusal::SameProcess,
        Refusal::UnknownSender,
        Refusal::Sandboxed,
        Refusal::NoTerminal,
        Refusal::SameTerminal,
        Refusal::CommonAncestor,
        Refusal::SameService,
        Refusal::NoBroker,
        Refusal::FactMissing,
    ];

    /// A stable name for records and programs.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::SameConnection => "same_connection",
            Refusal::SameProcess => "same_process",
            Refusal::UnknownSender => "unknown_sender",
            Refusal::Sandboxed => "sandboxed",
            Refusal::NoTerminal => "no_terminal",
            Refusal::SameTerminal => "same_terminal",
            Refusal::CommonAncestor => "common_ancestor",
            Refusal::SameService => "same_service",
            Refusal::NoBroker => "no_broker",
            Refusal::FactMissing => "fact_missing",
        }
    }

    /// What to tell the approver of the request `id`.
    pub fn sentence(self, id: &str) -> String {
        self.to_string().replace("approve ID", &format!("approve {id}"))
    }
}

impl From<ChainError> for Refusal {
    /// Without a chain of either side nothing is known.
    fn from(_: ChainError) -> Refusal {
        Refusal::FactMissing
    }
}

/// Whether `approver` may answer at `desktop` what `requester` asked. Ownership is judged elsewhere.
///
/// Both chains must be of this boot. `same_connection` is whether the answer came in on the requester's connection.
///
/// # Errors
/// The first rule that refuses; see [`Refusal`].
pub fn may_approve(
    requester: &Chain,
    same_connection: bool,
    approver: &Chain,
    brokers: &Brokers,
) -> Result<Approval, Refusal> {
    if same_connection {
        return Err(Refusal::SameConnection);
    }
    if approver.door == Door::Stdio {
        return Err(Refusal::UnknownSender);
    }
    let asks = whole(requester)?;
    let answers = whole(approver)?;
    if answers[0].is(&asks[0]) {
        return Err(Refusal::SameProcess);
    }
    if approver.users == UserNamespace::Apart {
        return Err(Refusal::Sandboxed);
    }
    let terminal = answers[0].tty.ok_or(Refusal::NoTerminal)?;
    if has_terminal(asks, terminal) {
        return Err(Refusal::SameTerminal);
    }
    let (theirs, ours) = meeting(asks, answers).ok_or(Refusal::FactMissing)?;
    // Looked at twice: it may have become another program between the request and the answer.
    match (place(asks, theirs, brokers)?, place(answers, ours, brokers)?) {
        (Place::Broker, Place::Broker) => {}
        _ => no_common_service(&asks[..theirs], &answers[..ours])?,
    }
    let broker = own_broker(asks, &answers[..=ours], brokers)?;
    Ok(Approval { same_uid: requester.uid == approver.uid, broker })
}

/// The links of a chain that really goes up to pid 1.
fn whole(chain: &Chain) -> Result<&[Link], Refusal> {
    chain.links.last().filter(|last| last.pid == 1).map(|_| chain.links.as_slice()).ok_or(Refusal::FactMissing)
}

fn has_terminal(links: &[Link], terminal: u32) -> bool {
    links.iter().any(|link| link.tty == Some(terminal))
}

/// Where the chains meet first: the position of the nearest common ancestor in each.
fn meeting(asks: &[Link], answers: &[Link]) -> Option<(usize, usize)> {
    answers.iter().enumerate().find_map(|(ours, link)| Some((asks.iter().position(|l| l.is(link))?, ours)))
}

/// What an allowed common ancestor is.
enum Place {
    /// A broker of terminals: it keeps what it starts apart.
    Broker,
    /// Pid 1, the user's service manager or a desktop's shell, below which anything may have come from anywhere.
    Open,
}

fn place(links: &[Link], at: usize, brokers: &Brokers) -> Result<Place, Refusal> {
    // Requester and approver themselves are nobody's broker, whatever program they are.
    if at == 0 {
        return Err(Refusal::CommonAncestor);
    }
    let link = &links[at];
    if link.pid == 1 || is_user_manager(links, at) {
        return Ok(Place::Open);
    }
    match brokers.find(link).map(|known| known.kind) {
        Some(Kind::Terminal) => Ok(Place::Broker),
        Some(Kind::Launcher) => Ok(Place::Open),
        None if link.exe.is_none() => Err(Refusal::FactMissing),
        None => Err(Refusal::CommonAncestor),
    }
}

/// A `systemd --user`: a child of pid 1 in the control group that systemd keeps for it. Its program is unreadable where it
/// has capabilities that the agent lacks.
fn is_user_manager(links: &[Link], at: usize) -> bool {
    let link = &links[at];
    links.get(at + 1).is_some_and(|parent| parent.pid == 1)
        && link.cgroup.as_ref().is_some_and(|group| group.is_user_manager())
        && link.exe.as_ref().is_none_or(|exe| link.exe_root_owned && exe.ends_with("/systemd"))
}

/// Refuses when any process of the one side shares a service with any of the other.
fn no_common_service(asks: &[Link], answers: &[Link]) -> Result<(), Refusal> {
    for link in answers {
        let group = link.cgroup.as_ref().ok_or(Refusal::FactMissing)?;
        for other in asks {
            let others = other.cgroup.as_ref().ok_or(Refusal::FactMissing)?;
            let service = group.innermost().filter(|unit| unit.ends_with(".service"));
            // One user's `agent.service` is not another's.
            if service.is_some() && service == others.innermost() && group.unit() == others.unit() {
                return Err(Refusal::SameService);
            }
        }
    }
    Ok(())
}

/// The nearest broker above the approver and not above the common ancestor, which gave the approver's side a terminal that
/// is not the requester's.
fn own_broker(asks: &[Link], answers: &[Link], brokers: &Brokers) -> Result<String, Refusal> {
    let nearest = answers.iter().enumerate().skip(1).find_map(|(at, link)| {
        let known = brokers.find(link).filter(|known| known.kind == Kind::Terminal)?;
        Some((at, link, known.by))
    });
    let (at, link, by) = nearest.ok_or(Refusal::NoBroker)?;
    let seat = match by {
        // The emulator's own child holds the terminal: what it merely started, such as a job of a multiplexer that
        // opened a terminal for itself, has none.
        By::Program => answers[at - 1].tty,
        // Root's part of a login has helpers of its own before the shell.
        By::RootsName => answers[..at].iter().rev().find_map(|link| link.tty),
    };
    let seat = seat.ok_or(Refusal::NoBroker)?;
    if has_terminal(asks, seat) {
        return Err(Refusal::SameTerminal);
    }
    link.exe.clone().or_else(|| link.root_comm.clone()).ok_or(Refusal::FactMissing)
}

#[cfg(test)]
mod tests;
