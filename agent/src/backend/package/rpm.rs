//! The database of rpm, which dnf and zypper share: what is installed, and who is changing it.

use super::tool::{QUERY, Refusal, Row, Tool, argv};
use super::{PackageError, clean};

/// What rpm prints for each package: name, architecture, epoch, version and release.
const FORMAT: &str = "%{NAME}\t%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n";

/// The installed versions of these names.
pub(super) async fn installed(rpm: &Tool, names: impl IntoIterator<Item = String>) -> Result<Vec<Row>, PackageError> {
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    // Its exit status is the number of names that are not installed, which is an answer too.
    let output = rpm.run(argv(&["-q", "--qf", FORMAT, "--"], names.iter().cloned()), QUERY).await?;
    let exit = output.status.code();
    let errors = errors(&output.stderr_text());
    if exit.is_none() || (exit != Some(0) && !errors.is_empty()) {
        return Err(Refusal::Other(errors).error(exit));
    }
    let mut rows = rows(&output.stdout_text());
    // `e2e-lib-1.0` is a label of rpm's for `e2e-lib`; only whole names count.
    rows.retain(|row| names.contains(&row.name));
    Ok(rows)
}

/// What rpm says when it could not look: of a name that is not installed it says so on its standard output.
fn errors(stderr: &str) -> Vec<String> {
    stderr.lines().filter(|line| line.starts_with("error:")).map(clean).take(6).collect()
}

/// Reads rows in the form of [`FORMAT`].
fn rows(stdout: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut fields = line.split('\t').map(clean);
        let (name, arch, version) = (fields.next()?, fields.next()?, fields.next()?);
        let version = version.strip_prefix("0:").unwrap_or(&version).to_owned();
        Some(Row { name, arch, version })
    };
    stdout.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_read_and_an_epoch_of_nothing_is_left_out() {
        let rows = rows("e2e-app\tnoarch\t0:1.0-1\npackage e2e-nosuch is not installed\nvim\tx86_64\t2:9-1\n");
        let told: Vec<String> = rows.iter().map(|r| format!("{} {} {}", r.name, r.arch, r.version)).collect();
        assert_eq!(told, ["e2e-app noarch 1.0-1", "vim x86_64 2:9-1"]);
    }
}
