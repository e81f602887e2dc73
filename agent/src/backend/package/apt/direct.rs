//! apt's part of a transaction: its arguments, its locks, and whether an item is done by dpkg's database.

use std::time::Duration;

use super::super::transaction::{Item, Mark, Transaction};
use super::super::{PackageError, Progress, commit, lock};
use super::argv::{self, Mode};
use super::parse::{self, Refusal, Row};
use super::{Apt, QUERY, job, same_arch};
use crate::backend::package::commit::Direct;
use crate::backend::spawn::Job;

/// How long apt itself waits when somebody takes the lock between our look and its own.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

impl Direct for Apt {
    const NAME: &'static str = "apt";

    async fn available(&self) -> Result<(), PackageError> {
        self.there()?;
        commit::may_change()
    }

    fn holder(&self) -> Option<String> {
        self.paths.locks.iter().find_map(|path| lock::of_record(path))
    }

    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let output = self.run(&self.paths.apt_get, argv::exactly(Mode::Simulate, transaction), QUERY).await?;
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        if !output.status.success() {
            return Err(match parse::refusal(&stdout, &stderr) {
                Refusal::NotFound(name) | Refusal::NoVersion { name, .. } => commit::gone(transaction, Some(&name)),
                Refusal::RemovalNeeded => commit::gone(transaction, None),
                _ => self.refused(&output).await,
            });
        }
        if output.truncated {
            return Err(commit::gone(transaction, None));
        }
        commit::compare(transaction, parse::simulation(&stdout).items)
    }

    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError> {
        job(&self.paths.apt_get, argv::exactly(Mode::Commit { lock: LOCK_TIMEOUT }, transaction))
    }

    fn progress(line: &str) -> Option<Progress> {
        parse::status_line(line)
    }

    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError> {
        let rows = self.rows(items.iter().map(Item::full_name)).await?;
        Ok(items.iter().map(|item| is_done(item, &rows)).collect())
    }

    /// Marks those packages as automatically installed that became "manual" only because they were named with their version.
    async fn settle(&self, done: &[Item]) {
        let auto = self.auto_marks();
        let is_auto = |item: &Item| {
            auto.iter().any(|(name, arch)| *name == item.name && same_arch(Some(arch), item.arch.as_deref()))
        };
        let wrong = done.iter().filter(|item| item.verb.keeps() && item.mark == Mark::Auto && !is_auto(item));
        let names: Vec<String> = wrong.map(Item::full_name).collect();
        if names.is_empty() {
            return;
        }
        let argv = ["auto".to_owned(), "--".to_owned()].into_iter().chain(names).collect();
        match self.run(&self.paths.apt_mark, argv, QUERY).await {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(
                ?other,
                "packages that came as dependencies could not be marked as automatically installed"
            ),
        }
    }

    fn failed(exit: Option<i32>, output: &str) -> bool {
        exit.map_or_else(|| parse::dpkg_failed(output), |status| status != 0)
    }

    fn refused(output: &str) -> Option<PackageError> {
        match parse::refusal(output, "") {
            Refusal::Network(text) => Some(PackageError::Network { text }),
            Refusal::Locked(by) => Some(PackageError::Locked { by, waited: LOCK_TIMEOUT }),
            _ => None,
        }
    }

    fn last_words(output: &str) -> Vec<String> {
        parse::last_words(output)
    }
}

/// Whether the package is now as the item says.
fn is_done(item: &Item, rows: &[Row]) -> bool {
    let mut own = rows.iter().filter(|row| row.name == item.name && same_arch(Some(&row.arch), item.arch.as_deref()));
    if item.verb.keeps() {
        own.any(|row| row.status == "installed" && Some(&row.version) == item.to.as_ref())
    } else {
        own.all(|row| row.status == "config-files" || row.status == "not-installed")
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::transaction::Verb;
    use super::*;

    fn item(verb: Verb, from: Option<&str>, to: Option<&str>) -> Item {
        let (from, to, arch) = (from.map(Into::into), to.map(Into::into), Some("all".into()));
        Item { verb, name: "aa".into(), arch, from, to, origin: None, download_bytes: None, mark: Mark::Manual }
    }

    #[test]
    fn an_item_is_done_when_the_database_says_so() {
        let row = |status: &str, version: &str| Row {
            name: "aa".into(),
            arch: "all".into(),
            status: status.into(),
            version: version.into(),
        };
        let (come, go) = (item(Verb::Install, None, Some("1")), item(Verb::Remove, Some("1"), None));
        let table = [
            (vec![], false, true),
            (vec![row("installed", "1")], true, false),
            (vec![row("installed", "2")], false, false),
            (vec![row("half-configured", "1")], false, false),
            (vec![row("config-files", "1")], false, true),
        ];
        for (rows, installed, removed) in table {
            assert_eq!((is_done(&come, &rows), is_done(&go, &rows)), (installed, removed), "{rows:?}");
        }
    }
}
