//! What PackageKit's error numbers mean, and what a person can do about polkit. Pure.
//!
//! The numbers are `PkErrorEnum` and `PkExitEnum` of PackageKit 1.2.

use std::time::Duration;

use super::super::transaction::{Item, Mark, Transaction, Verb};
use super::super::{PackageError, Progress, clean};

/// The end of a transaction that did what it should.
pub const SUCCESS: u32 = 1;
/// Exit: somebody cancelled it.
pub const CANCELLED: u32 = 3;
/// Exit: a key would have to be trusted first.
const KEY_REQUIRED: u32 = 4;
/// Exit: a licence would have to be agreed to first.
const EULA_REQUIRED: u32 = 5;
/// Exit: it would need packages that nobody signed.
const NEED_UNTRUSTED: u32 = 8;

/// The way in which packages are changed; each is an action of polkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// New packages come, perhaps beside others.
    Install,
    /// Newer versions of what is there, and what they need.
    Update,
    /// Only removals.
    Remove,
    /// The package index.
    Refresh,
}

impl Role {
    /// How `transaction` is done.
    #[must_use]
    pub fn of(transaction: &Transaction) -> Self {
        let has = |wanted: fn(&Item) -> bool| transaction.items.iter().any(wanted);
        if !has(|item| item.verb.keeps()) {
            return Self::Remove;
        }
        let new = has(|item| match item.verb {
            Verb::Install => item.mark == Mark::Manual,
            Verb::Downgrade | Verb::Reinstall => true,
            _ => false,
        });
        if new || !has(|item| item.verb == Verb::Upgrade) { Self::Install } else { Self::Update }
    }

    /// What polkit is asked (`org.freedesktop.packagekit.policy`).
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Install => "org.freedesktop.packagekit.package-install",
            Self::Update => "org.freedesktop.packagekit.system-update",
            Self::Remove => "org.freedesktop.packagekit.package-remove",
            Self::Refresh => "org.freedesktop.packagekit.system-sources-refresh",
        }
    }
}

/// The error when polkit says no to this process, which runs as `user`.
#[must_use]
pub fn not_authorized(role: Role, user: &str) -> PackageError {
    let action = role.action();
    // A user name goes into a rule that is copied into a file: nothing in it ends the string.
    let user: String = user.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    let rule = format!(
        "polkit.addRule(function(action, subject) {{ if (action.id == \"{action}\" && subject.user == \"{user}\") {{ return polkit.Result.YES; }} }});"
    );
    PackageError::NotAuthorized { action: action.to_owned(), rule }
}

/// The error for what PackageKit said, when nothing was changed. `words` are its own.
#[must_use]
pub fn refusal(code: u32, words: &str, role: Role, user: &str) -> PackageError {
    let text = || sentence(words);
    match code {
        // no-network, package-download-failed, repo-not-available, no-more-mirrors-to-try, cannot-fetch-sources
        2 | 10 | 37 | 42 | 64 => PackageError::Network { text: text() },
        // not-authorized
        48 => not_authorized(role, user),
        // cannot-get-lock, lock-required
        26 | 67 => PackageError::Locked { by: holder(words), waited: LOCK },
        // gpg-failure, bad-gpg-signature, missing-gpg-signature, cannot-install-repo-unsigned, cannot-update-repo-unsigned
        5 | 30 | 31 | 50 | 51 => untrusted(&text()),
        // package-id-invalid, package-not-installed, package-not-found, update-not-found
        6 | 7 | 8 | 49 => PackageError::Unmet { text: format!("a package is not to be had any more: {}", text()) },
        // not-supported
        3 => PackageError::Unmet { text: format!("PackageKit cannot do it on this system: {}", text()) },
        // dep-resolution-failed, cannot-remove-system-package, no-license-agreement, file-conflicts, package-conflicts,
        // package-install-blocked, incompatible-architecture, no-space-on-device
        13 | 20 | 34 | 35 | 36 | 39 | 44 | 45 => PackageError::Unmet { text: text() },
        // unfinished-transaction
        66 => PackageError::Unmet {
            text: format!("an earlier package transaction was left half done and has to be mended first: {}", text()),
        },
        // transaction-cancelled, cancelled-priority
        17 | 65 => failed("it was cancelled, and nothing was changed".to_owned()),
        // The others tell of a failure in their own words: oom, internal-error, transaction-error, process-kill,
        // package-corrupt, package-failed-to-configure and so on.
        _ => failed(text()),
    }
}

/// The error for an end without one, when nothing was changed.
#[must_use]
pub fn ending(exit: u32) -> PackageError {
    match exit {
        CANCELLED => failed("it was cancelled, and nothing was changed".to_owned()),
        KEY_REQUIRED => untrusted("a key would have to be trusted first"),
        NEED_UNTRUSTED => untrusted("it needs packages that nobody signed"),
        EULA_REQUIRED => {
            PackageError::Unmet { text: "a licence would have to be agreed to first, which Steward does not do".into() }
        }
        other => failed(format!("PackageKit ended with {other} and did not say why")),
    }
}

/// The error for packages that nobody whom this machine trusts has signed. They are never installed.
#[must_use]
pub fn untrusted(why: &str) -> PackageError {
    PackageError::Unmet {
        text: format!(
            "it is not signed by a key that this machine trusts, and such packages are never installed ({why})"
        ),
    }
}

fn failed(text: String) -> PackageError {
    PackageError::Failed { exit: None, last: vec![text], done: Vec::new() }
}

/// How long apt's backend waits for the lock before it gives up (`AptJob::init`).
const LOCK: Duration = Duration::from_secs(10);

/// A service's words as one line without its end.
#[must_use]
pub fn sentence(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = clean(words.trim_end_matches('.'));
    if text.is_empty() { "it did not say why".to_owned() } else { text }
}

/// Who holds the lock, in apt's words: `It is held by process 123 (apt-get)`.
fn holder(words: &str) -> Option<String> {
    let (pid, rest) = words.split_once("held by process ")?.1.split_once(|c: char| !c.is_ascii_digit())?;
    let pid: u32 = pid.parse().ok()?;
    let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| clean(name));
    Some(format!("{} (pid {pid})", name.filter(|n| !n.is_empty()).unwrap_or_else(|| "a program".to_owned())))
}

/// How far a transaction is. Percent are those of one phase at a time, so they are put together, and never go back.
#[derive(Debug, Default)]
pub struct Meter {
    status: u32,
    percent: u8,
    /// The package that was last told of.
    package: String,
}

/// The share of the download in what is shown, in percent.
const DOWNLOAD_SHARE: u8 = 40;

/// `PK_STATUS_ENUM_DOWNLOAD`.
const DOWNLOAD: u32 = 8;

impl Meter {
    /// Takes what was heard; gives what is to be shown.
    pub fn take(&mut self, status: Option<u32>, percent: Option<u32>, package: Option<&str>) -> Progress {
        if let Some(status) = status {
            self.status = status;
        }
        if let Some(package) = package {
            self.package = clean(package);
        }
        // Above 100 it is not known.
        let part = percent.and_then(|p| u8::try_from(p).ok()).filter(|p| *p <= 100);
        let whole = part.map(|part| {
            let (from, share) =
                if self.status == DOWNLOAD { (0, DOWNLOAD_SHARE) } else { (DOWNLOAD_SHARE, 100 - DOWNLOAD_SHARE) };
            from + (u16::from(part) * u16::from(share) / 100) as u8
        });
        // Before the download the number is that of opening files.
        if let (true, Some(whole)) = (counts(self.status), whole) {
            self.percent = self.percent.max(whole);
        }
        let doing = doing(self.status);
        let text = match self.package.as_str() {
            "" => doing.to_owned(),
            package => format!("{doing}: {package}"),
        };
        Progress { percent: (self.percent > 0).then_some(self.percent), text }
    }
}

/// Whether the percent in this status are those of the work: downloading, installing, updating, removing, cleaning up, obsoleting,
/// committing, running hooks.
fn counts(status: u32) -> bool {
    matches!(status, 6 | 8 | 9 | 10 | 11 | 12 | 16 | 36)
}

/// What is being done, by `PkStatusEnum`.
fn doing(status: u32) -> &'static str {
    match status {
        1 => "Waiting for other package work",
        6 => "Removing",
        7 | 20..=25 => "Fetching the package index",
        8 => "Downloading",
        9 => "Installing",
        10 => "Updating",
        11 => "Cleaning up",
        12 => "Replacing",
        13 => "Resolving dependencies",
        14 => "Checking signatures",
        15 | 16 => "Writing changes",
        19 => "Stopping",
        30 => "Waiting for another package manager",
        31 => "Waiting for polkit",
        36 => "Running the scripts of packages",
        _ => "Preparing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_number_has_its_meaning() {
        let rows: &[(&[u32], &str)] = &[
            (&[2, 10, 37, 42, 64], "a package source could not be reached: Words"),
            (&[3], "PackageKit cannot do it on this system"),
            (&[5, 30, 31, 50, 51], "never installed (Words)"),
            (&[6, 7, 8, 49], "not to be had any more: Words"),
            (&[13, 20, 34, 35, 36, 39, 44, 45], "this cannot be done: Words"),
            (&[17, 65], "it was cancelled, and nothing was changed"),
            (&[26, 67], "another program is using the package database"),
            (&[48], "polkit does not allow org.freedesktop.packagekit.package-remove here"),
            (&[66], "has to be mended first"),
            (&[0, 1, 4, 9, 16, 18, 21, 22, 33, 40, 55, 58, 59, 61, 999], "the package manager failed: Words"),
        ];
        for (codes, said) in rows {
            for code in *codes {
                let error = refusal(*code, "Words.\n", Role::Remove, "sam").to_string();
                assert!(error.contains(said), "{code}: {error}");
            }
        }
        for (exit, said) in
            [(3, "cancelled"), (4, "trusted first"), (5, "licence"), (8, "nobody signed"), (2, "ended with 2")]
        {
            assert!(ending(exit).to_string().contains(said), "{exit}");
        }
    }

    #[test]
    fn a_no_of_polkit_names_its_action_and_the_rule_that_would_help() {
        let PackageError::NotAuthorized { action, rule } = not_authorized(Role::Install, "sam\") { evil") else {
            panic!()
        };
        assert_eq!(action, "org.freedesktop.packagekit.package-install");
        assert_eq!(
            rule,
            "polkit.addRule(function(action, subject) { if (action.id == \"org.freedesktop.packagekit.package-install\" && subject.user == \"samevil\") { return polkit.Result.YES; } });"
        );
        let said = not_authorized(Role::Update, "sam").to_string();
        assert!(said.contains("/etc/polkit-1/rules.d/50-steward.rules"), "{said}");
    }

    #[test]
    fn the_holder_of_a_lock_is_named() {
        let words = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4321 (unattended-upgr)";
        assert_eq!(holder(words).as_deref(), Some("unattended-upgr (pid 4321)"));
        for other in ["", "held by process ", "held by process x (y)", "held by process 99999999999 (y)"] {
            assert_eq!(holder(other), None, "{other}");
        }
        assert_eq!(holder("held by process 7 ").as_deref(), Some("a program (pid 7)"));
    }

    #[test]
    fn what_is_done_is_told_to_polkit_by_its_kind() {
        let item = |verb: Verb, mark| Item {
            verb,
            name: "x".into(),
            arch: None,
            from: None,
            to: None,
            origin: None,
            download_bytes: None,
            mark,
        };
        let rows: &[(&[(Verb, Mark)], Role)] = &[
            (&[(Verb::Remove, Mark::Manual)], Role::Remove),
            (&[(Verb::Install, Mark::Manual), (Verb::Remove, Mark::Auto)], Role::Install),
            (&[(Verb::Upgrade, Mark::Manual), (Verb::Install, Mark::Auto)], Role::Update),
            (&[(Verb::Upgrade, Mark::Manual), (Verb::Install, Mark::Manual)], Role::Install),
            (&[(Verb::Downgrade, Mark::Manual)], Role::Install),
            (&[(Verb::Install, Mark::Auto)], Role::Install),
        ];
        for (verbs, role) in rows {
            let items = verbs.iter().map(|(verb, mark)| item(*verb, *mark)).collect();
            assert_eq!(Role::of(&Transaction { items, ..Transaction::default() }), *role, "{verbs:?}");
        }
    }

    #[test]
    fn progress_never_goes_back_and_opening_files_is_none() {
        let mut meter = Meter::default();
        // What apt's backend says while it installs.
        let steps = [
            (Some(31), None, None, None, "Waiting for polkit"),
            (Some(27), Some(100), None, None, "Preparing"),
            (Some(8), Some(50), Some("aa"), Some(20), "Downloading: aa"),
            (None, Some(101), None, Some(20), "Downloading: aa"),
            (Some(3), Some(0), None, Some(20), "Preparing: aa"),
            (Some(9), Some(20), None, Some(52), "Installing: aa"),
            (None, Some(0), Some("bb"), Some(52), "Installing: bb"),
            (None, Some(100), None, Some(100), "Installing: bb"),
            (None, Some(u32::MAX), None, Some(100), "Installing: bb"),
        ];
        for (status, percent, package, shown, text) in steps {
            let progress = meter.take(status, percent, package);
            assert_eq!((progress.percent, progress.text.as_str()), (shown, text));
        }
    }
}
