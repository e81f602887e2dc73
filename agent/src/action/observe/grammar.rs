//! The arguments that each tool is given: a closed list of options by their exact names, each with the form of its value. Abbreviations,
//! option files, other people's variables and everything that runs, writes, follows or opens a path of the caller's are not in it.

use super::Tool;

/// What follows an option, or stands by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing.
    Nothing,
    /// A whole number.
    Number,
    /// Numbers with commas between them.
    Numbers,
    /// A name of a unit, a user, a program, a priority: letters, digits and `:-_.@\+`.
    Name,
    /// Names with commas between them.
    Names,
    /// What ps shows, by the words of [`COLUMNS`].
    Columns,
    /// A moment as journalctl reads it: letters, digits, blanks and `:-+.`.
    Time,
    /// Words to look for. To the tool it is a regular expression, for which it has its time.
    Words,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A name of a probe, with `*` in it.
    Probe,
}

/// An option: its names, and what follows.
type Row = (&'static [&'static str], Form);

/// ps(1). Not among them is everything that shows environments (`e` of BSD, `environ`).
const PS: &[Row] = &[
    (
        &[
            "-A", "-e", "-a", "-d", "-N", "-f", "-F", "-l", "-j", "-H", "-L", "-T", "-w", "-ww", "-y", "-ef", "-eF",
            "-eLf", "-ely",
        ],
        Form::Nothing,
    ),
    (&["a", "au", "aux", "auxf", "auxw", "auxww", "ax", "axf", "axu", "u", "ux", "x", "f"], Form::Nothing),
    (&["--forest", "--no-headers", "--no-heading", "--headers", "--deselect"], Form::Nothing),
    (&["-o", "-eo", "-Ao", "--format"], Form::Columns),
    (&["-p", "-q", "--pid", "--ppid", "--quick-pid"], Form::Numbers),
    (&["-u", "-U", "--user", "--User", "-C"], Form::Names),
    (&["--sort"], Form::Columns),
];

/// Columns of ps: all that say nothing of a process's environment.
const COLUMNS: [&str; 50] = [
    "%cpu",
    "pcpu",
    "%mem",
    "pmem",
    "args",
    "cgroup",
    "class",
    "cls",
    "cmd",
    "comm",
    "command",
    "cputime",
    "drs",
    "etime",
    "etimes",
    "euid",
    "euser",
    "egroup",
    "fname",
    "gid",
    "group",
    "lstart",
    "lwp",
    "ni",
    "nice",
    "nlwp",
    "pgid",
    "pgrp",
    "pid",
    "ppid",
    "pri",
    "psr",
    "rss",
    "ruser",
    "s",
    "session",
    "sid",
    "size",
    "start",
    "start_time",
    "stat",
    "state",
    "stime",
    "sz",
    "tid",
    "time",
    "tty",
    "uid",
    "user",
    "vsz",
];

/// top(1), which is started with `-b -n1`.
const TOP: &[Row] = &[
    (&["-b", "-H", "-i", "-c", "-S", "-1", "-bn1", "-n1"], Form::Nothing),
    (&["-n"], Form::OneOf(&["1"])),
    (&["-p"], Form::Numbers),
    (&["-u", "-U", "-o"], Form::Name),
    (&["-w"], Form::Number),
];

/// The ways to write a line of the journal.
const OUTPUTS: &[&str] = &[
    "short",
    "short-full",
    "short-iso",
    "short-iso-precise",
    "short-precise",
    "short-monotonic",
    "short-delta",
    "short-unix",
    "with-unit",
    "verbose",
    "json",
    "json-pretty",
    "cat",
];

/// journalctl(1). Not among them: `--follow`, which does not end; `--directory`, `--file`, `--root`, `--image`, `--machine`, which read
/// elsewhere; `--cursor-file`, `--rotate`, `--flush`, `--sync`, `--relinquish-var`, `--vacuum-…`, `--setup-keys`, `--update-catalog`,
/// which write.
const JOURNALCTL: &[Row] = &[
    (&["-u", "--unit", "--user-unit", "-t", "--identifier"], Form::Name),
    (&["-n", "--lines"], Form::Number),
    (
        &[
            "-b",
            "--boot",
            "-k",
            "--dmesg",
            "-r",
            "--reverse",
            "-q",
            "--quiet",
            "-a",
            "--all",
            "-e",
            "--pager-end",
            "-x",
            "--catalog",
            "--system",
            "--user",
        ],
        Form::Nothing,
    ),
    (
        &["--no-pager", "--no-hostname", "--no-full", "--utc", "--list-boots", "--disk-usage", "-N", "--fields"],
        Form::Nothing,
    ),
    (&["-p", "--priority", "-F", "--field"], Form::Name),
    (&["-S", "--since", "-U", "--until"], Form::Time),
    (&["-g", "--grep"], Form::Words),
    (&["-o", "--output"], Form::OneOf(OUTPUTS)),
];

/// perf(1): the one thing that neither runs nor writes. `stat`, `record`, `trace` and the others start a program or count in the kernel.
const PERF_FIRST: [&str; 3] = ["list", "version", "--version"];
const PERF: &[Row] = &[(
    &[
        "list",
        "version",
        "--version",
        "--build-options",
        "--no-desc",
        "hw",
        "sw",
        "cache",
        "hwcache",
        "tracepoint",
        "pmu",
    ],
    Form::Nothing,
)];

/// bpftrace(8): the list of probes. A program of its language runs in the kernel, and can start others.
const BPFTRACE: &[Row] = &[(&["-l"], Form::Probe), (&["-V", "--version", "--info"], Form::Nothing)];

/// The longest name and the longest words to look for, in bytes.
const MAX_NAME: usize = 255;

fn rows(tool: Tool) -> &'static [Row] {
    match tool {
        Tool::Ps => PS,
        Tool::Top => TOP,
        Tool::Journalctl => JOURNALCTL,
        Tool::Perf => PERF,
        Tool::Bpftrace => BPFTRACE,
    }
}

/// The options that a tool is given, for messages and documents.
pub fn taken(tool: Tool) -> Vec<&'static str> {
    rows(tool).iter().flat_map(|(names, _)| names.iter().copied()).collect()
}

/// Checks the arguments of a tool.
///
/// # Errors
/// Which is not taken, and why.
pub fn check(tool: Tool, args: &[String]) -> Result<(), String> {
    let word = tool.word();
    match tool {
        Tool::Perf if !args.first().is_some_and(|a| PERF_FIRST.contains(&a.as_str())) => {
            return Err("perf starts programs, writes files or counts in the kernel with all but `list` and `version`"
                .to_owned());
        }
        Tool::Bpftrace if args.is_empty() => return Err(BPFTRACE_WHY.to_owned()),
        _ => {}
    }
    let mut left = args.iter().map(String::as_str);
    while let Some(arg) = left.next() {
        // `--name=value`, but never `-n=value`.
        let (name, mut value) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (arg, None),
        };
        if let Some((_, form)) = rows(tool).iter().find(|(names, _)| names.contains(&name)) {
            match (form, value) {
                (Form::Nothing, None) => continue,
                (Form::Nothing, Some(_)) => return Err(format!("`{word}` takes no value for `{name}`")),
                (_, None) => value = left.next(),
                _ => {}
            }
            let value = value.ok_or_else(|| format!("`{name}` needs a value"))?;
            fits(*form, value).map_err(|e| format!("the value of `{name}`: {e}"))?;
            continue;
        }
        // `-n5`: a value that follows at once, for options of one letter.
        let short = arg.get(..2).filter(|o| o.starts_with('-') && !o.starts_with("--"));
        let row = short.and_then(|o| rows(tool).iter().find(|(names, _)| names.contains(&o)));
        match (row, tool) {
            (Some((_, form)), _) if *form != Form::Nothing => {
                fits(*form, &arg[2..]).map_err(|e| format!("the value of `{}`: {e}", &arg[..2]))?;
            }
            (_, Tool::Journalctl) if is_match(arg) => {}
            (_, Tool::Bpftrace) if args.first().is_some_and(|a| a == "-l") && fits(Form::Probe, arg).is_ok() => {}
            (_, Tool::Bpftrace) => return Err(BPFTRACE_WHY.to_owned()),
            _ => {
                let shown = crate::action::types::visible(arg, 60);
                return Err(format!(
                    "`{word}` is not given `{shown}` here; it could do more than look, or is not known"
                ));
            }
        }
    }
    Ok(())
}

const BPFTRACE_WHY: &str = "a program for bpftrace runs in the kernel and can start others; only `-l` with the name of a probe, `-V` and `--info` are taken";

/// A field with the value that it must have, `_PID=1`: for journalctl, which takes everything else for a path.
fn is_match(arg: &str) -> bool {
    let Some((field, value)) = arg.split_once('=') else { return false };
    !field.is_empty()
        && field.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && value.len() <= MAX_NAME
        && !value.chars().any(char::is_control)
}

fn fits(form: Form, value: &str) -> Result<(), String> {
    let name = |v: &str| {
        let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.@\\+%".contains(c);
        !v.is_empty() && v.len() <= MAX_NAME && !v.starts_with('-') && v.chars().all(valid)
    };
    let number = |v: &str| (1..=9).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit());
    let column = |v: &str| COLUMNS.contains(&v.trim_start_matches(['-', '+']).trim_end_matches('='));
    let good = match form {
        Form::Nothing => value.is_empty(),
        Form::Number => number(value),
        Form::Numbers => value.split(',').all(number),
        Form::Name => name(value),
        Form::Names => value.split(',').all(name),
        Form::Columns => value.split(',').all(column),
        Form::Time => {
            let valid = |c: char| c.is_ascii_alphanumeric() || " :-+.".contains(c);
            !value.is_empty() && value.len() <= 64 && value.chars().all(valid)
        }
        Form::Words => !value.is_empty() && value.len() <= MAX_NAME && !value.chars().any(char::is_control),
        Form::OneOf(words) => words.contains(&value),
        Form::Probe => {
            let valid = |c: char| c.is_ascii_alphanumeric() || ":_.*-".contains(c);
            !value.is_empty() && value.len() <= MAX_NAME && !value.starts_with('-') && value.chars().all(valid)
        }
    };
    let expected = match form {
        Form::Nothing => "nothing",
        Form::Number => "a number",
        Form::Numbers => "numbers with commas between them",
        Form::Name => "a name",
        Form::Names => "names with commas between them",
        Form::Columns => "columns of ps, such as `pid,user,args`",
        Form::Time => "a time, such as `2026-01-31 12:00` or `-1h`",
        Form::Words => "words to look for",
        Form::OneOf(_) => "one of its words",
        Form::Probe => "the name of a probe, such as `kprobe:vfs_*`",
    };
    if good { Ok(()) } else { Err(format!("expected {expected}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tool: Tool, line: &[&str]) -> Result<(), String> {
        check(tool, &line.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_only_looks_is_taken() {
        for (tool, line) in [
            (Tool::Ps, &["aux"][..]),
            (Tool::Ps, &[]),
            (Tool::Ps, &["-eo", "pid,user,args", "--sort=-%cpu"]),
            (Tool::Ps, &["-p", "1,2"]),
            (Tool::Ps, &["-p1"]),
            (Tool::Top, &["-b", "-n", "1", "-o", "%MEM"]),
            (Tool::Top, &["-bn1"]),
            (Tool::Journalctl, &["-u", "ssh.service", "-n", "20", "--no-pager"]),
            (Tool::Journalctl, &["-n20", "--since=-1h", "-p", "err", "_PID=1", "-o", "json"]),
            (Tool::Journalctl, &["--since", "2026-01-31 12:00", "-g", "failed (password|key)"]),
            (Tool::Perf, &["list", "hw"]),
            (Tool::Perf, &["--version"]),
            (Tool::Bpftrace, &["-l", "tracepoint:syscalls:*"]),
            (Tool::Bpftrace, &["--version"]),
        ] {
            assert_eq!(read(tool, line), Ok(()), "{tool:?} {line:?}");
        }
    }

    #[test]
    fn what_could_run_write_follow_or_read_elsewhere_is_refused() {
        for (tool, line) in [
            (Tool::Perf, &["stat", "--", "/bin/sh", "-c", "id"][..]),
            (Tool::Perf, &["record", "-o", "/tmp/x", "-a"]),
            (Tool::Perf, &["script", "/tmp/x"]),
            (Tool::Perf, &["list", "stat"]),
            (Tool::Perf, &["--exec-path=/tmp", "list"]),
            (Tool::Perf, &["--debugfs-dir", "/tmp", "list"]),
            (Tool::Perf, &["list", "-o", "/tmp/x"]),
            (Tool::Perf, &["list", "--output=/tmp/x"]),
            (Tool::Perf, &[]),
            (Tool::Bpftrace, &["-e", "BEGIN { system(\"id\"); }"]),
            (Tool::Bpftrace, &["/tmp/x.bt"]),
            (Tool::Bpftrace, &["-l", "-o", "/tmp/x"]),
            (Tool::Bpftrace, &["-c", "/bin/sh"]),
            (Tool::Bpftrace, &["--unsafe", "-l"]),
            (Tool::Bpftrace, &["-l", "/tmp/x.bt"]),
            (Tool::Bpftrace, &[]),
            (Tool::Journalctl, &["-f"]),
            (Tool::Journalctl, &["--follow"]),
            (Tool::Journalctl, &["--vacuum-size=1"]),
            (Tool::Journalctl, &["--vac", "1"]),
            (Tool::Journalctl, &["--rotate"]),
            (Tool::Journalctl, &["--flush"]),
            (Tool::Journalctl, &["-D", "/tmp"]),
            (Tool::Journalctl, &["--directory=/tmp"]),
            (Tool::Journalctl, &["--file", "/tmp/x"]),
            (Tool::Journalctl, &["--root=/"]),
            (Tool::Journalctl, &["--cursor-file=/tmp/x"]),
            (Tool::Journalctl, &["-M", "x"]),
            (Tool::Journalctl, &["/usr/bin/sshd"]),
            (Tool::Journalctl, &["-u"]),
            (Tool::Journalctl, &["-u", "--rotate"]),
            (Tool::Journalctl, &["-u--rotate"]),
            (Tool::Journalctl, &["-u", "a*"]),
            (Tool::Journalctl, &["-kf"]),
            (Tool::Journalctl, &["-o", "export"]),
            (Tool::Journalctl, &["--no-pager=x"]),
            (Tool::Journalctl, &["--"]),
            (Tool::Journalctl, &[""]),
            (Tool::Ps, &["auxe"]),
            (Tool::Ps, &["eww"]),
            (Tool::Ps, &["-o", "environ"]),
            (Tool::Ps, &["-o", "pid,environ"]),
            (Tool::Ps, &["--sort", "x"]),
            (Tool::Ps, &["-p", "1;id"]),
            (Tool::Top, &["-n", "9"]),
            (Tool::Top, &["-d", "1"]),
            (Tool::Top, &["-s"]),
        ] {
            assert!(read(tool, line).is_err(), "{tool:?} {line:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_tool_could_do() {
        assert!(read(Tool::Perf, &["stat", "--", "/bin/sh"]).unwrap_err().contains("starts programs"));
        assert!(read(Tool::Bpftrace, &["-e", "x"]).unwrap_err().contains("runs in the kernel"));
        assert!(read(Tool::Journalctl, &["--rotate"]).unwrap_err().contains("`--rotate`"));
    }

    proptest::proptest! {
        #[test]
        fn any_arguments_are_checked_without_a_panic(args in proptest::collection::vec("(-|\\PC|--no-pager|-n|=|é){0,4}", 0..5)) {
            for tool in [Tool::Ps, Tool::Top, Tool::Journalctl, Tool::Perf, Tool::Bpftrace] {
                let _ = check(tool, &args);
            }
        }
    }
}
