//! The documents are true: transcripts are replayed, tables are made anew, and every test that is named exists.
//!
//! `UPDATE_DOCS=1 cargo test -p steward-agent --test wire docs::` writes what the agent really answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use steward_agent::action::CATALOGUE;
use steward_ipc::{Client, Code};

use crate::support::{DESKTOP, Simulated, World, desktop_and};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

/// Compares a document with what it should be, or writes that.
fn hold(name: &str, wanted: &str, there: &str) {
    if updates() && wanted != there {
        std::fs::write(root().join("docs").join(name), wanted).expect("docs can be written");
        return;
    }
    for (n, (wanted, there)) in wanted.lines().zip(there.lines()).enumerate() {
        assert_eq!(there, wanted, "docs/{name}, line {}; UPDATE_DOCS=1 writes it anew", n + 1);
    }
    assert!(wanted == there, "docs/{name} is stale; UPDATE_DOCS=1 writes it anew");
}

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the document")
}

const BADPKG: &str = r#"
[[rule]]
id       = "local.no-badpkg"
actions  = ["package_install"]
decision = "deny"
why      = "It is known to be bad."
instead  = "Install goodpkg."
args.packages = { in = ["badpkg"] }
"#;

const DESK: &str = r#"
[[rule]]
id       = "local.at-the-desk"
actions  = ["package_install"]
decision = { confirm = { assurance = "desktop", grants = ["once", "1h"] } }
why      = "Software is installed by a person."
"#;

/// The policy that a transcript is made under, by the word after `transcript`; `simulated` is on a laptop that is not there.
fn policy(word: &str) -> String {
    match word {
        "" | "simulated" => DESKTOP.to_owned(),
        "badpkg" => desktop_and(BADPKG),
        "desk" => desktop_and(DESK),
        other => panic!("no policy is named `{other}`"),
    }
}

/// What differs from run to run, and what stands for it: ids are numbered as they come.
#[derive(Default)]
struct Names {
    ids: Vec<String>,
}

impl Names {
    /// A line of the agent as the document has it.
    fn shown(&mut self, line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('"') {
            let (before, after) = rest.split_at(at + 1);
            out.push_str(before);
            let end = after.find('"').unwrap_or(after.len());
            let (word, tail) = after.split_at(end);
            let hex = |n: usize| word.len() == n && word.bytes().all(|b| b.is_ascii_hexdigit());
            if word.len() == 36 && uuid::Uuid::try_parse(word).is_ok() {
                out.push_str(&self.name(word));
            } else if hex(64) {
                out.push_str("<hash>");
            } else if word.starts_with('/') && word.contains("/deps/wire-") {
                out.push_str("<program>");
            } else if let Some((unit, _)) = word.split_once('@').filter(|_| word.ends_with(".service")) {
                let _ = write!(out, "{unit}@<random>.service");
            } else if out.ends_with("\"name\":\"free space\",\"value\":\"") {
                out.push_str("<size>");
            } else {
                let mut word = word.to_owned();
                for id in self.ids.clone() {
                    word = word.replace(&id, &self.name(&id));
                }
                out.push_str(&word);
            }
            rest = tail;
            if let Some(tail) = rest.strip_prefix('"') {
                out.push('"');
                rest = tail;
            }
        }
        out.push_str(rest);
        for (key, name) in [("\"owner\":", "<uid>"), ("\"uid\":", "<uid>"), ("\"pid\":", "<pid>")] {
            let mut from = 0;
            while let Some(at) = out[from..].find(key) {
                let start = from + at + key.len();
                let digits = out[start..].bytes().take_while(u8::is_ascii_digit).count();
                out.replace_range(start..start + digits, name);
                from = start;
            }
        }
        out
    }

    fn name(&mut self, id: &str) -> String {
        let known = self.ids.iter().position(|i| i == id);
        let at = known.unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        format!("<id-{}>", at + 1)
    }

    /// A line of the document as it is sent.
    fn sent(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (n, id) in self.ids.iter().enumerate() {
            line = line.replace(&format!("<id-{}>", n + 1), id);
        }
        line
    }
}

/// Replays a transcript; gives it back as it really is.
fn replay(word: &str, block: &str) -> String {
    let simulated = (word == "simulated").then(Simulated::new);
    let world = simulated.as_ref().map_or_else(|| World::new(&policy(word)), |s| s.world(&policy(word)));
    let mut clients: BTreeMap<char, Client> = BTreeMap::new();
    let mut names = Names::default();
    let mut out = String::new();
    for line in block.lines() {
        let which = line.chars().next().filter(char::is_ascii_digit).unwrap_or('1');
        let plain = line.trim_start_matches(|c: char| c.is_ascii_digit());
        if let Some(request) = plain.strip_prefix("> ") {
            clients.entry(which).or_insert_with(|| world.connect()).send_line(&names.sent(request)).expect("it reads");
            out.push_str(line);
        } else if plain.starts_with('<') {
            let answer = clients.get_mut(&which).expect("asked before").read_line().expect("an answer");
            let prefix = &line[..line.len() - plain.len()];
            let _ = write!(out, "{prefix}< {}", names.shown(&answer));
        } else if let Some(later) = plain.strip_prefix("# ") {
            let seconds = later.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{line}"));
            assert!(later.ends_with("seconds later"), "{line}");
            world.turn_seconds(seconds);
            out.push_str(line);
        } else {
            panic!("a transcript has `>`, `<` and `#` lines: {line}");
        }
        out.push('\n');
    }
    out
}

#[test]
fn every_transcript_is_what_a_real_agent_answers() {
    transcripts("ipc.md", 10);
    transcripts("simulate.md", 2);
}

/// Replays the transcripts of a document, of which there are so many at the least.
fn transcripts(name: &str, least: usize) {
    let there = document(name);
    let mut wanted = String::new();
    let mut rest = there.as_str();
    let mut count = 0;
    while let Some(at) = rest.find("```transcript") {
        let body = at + rest[at..].find('\n').expect("a line") + 1;
        let end = body + rest[body..].find("```").expect("an end");
        wanted.push_str(&rest[..body]);
        wanted.push_str(&replay(rest[at + "```transcript".len()..body].trim(), &rest[body..end]));
        rest = &rest[end..];
        count += 1;
    }
    wanted.push_str(rest);
    assert!(count >= least, "{name}: {count} transcripts");
    hold(name, &wanted, &document(name));
}

/// A document with the text between its two markers replaced.
fn with_section(text: &str, marker: &str, section: &str) -> String {
    let (open, close) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let from = text.find(&open).expect("a marker") + open.len();
    let to = from + text[from..].find(&close).expect("its end");
    format!("{}{section}{}", &text[..from], &text[to..])
}

fn codes() -> String {
    let mut out = String::from("| code | when |\n|---|---|\n");
    for (code, text) in Code::ALL {
        let _ = writeln!(out, "| `{code}` | {} |", text.trim());
    }
    out
}

fn payloads() -> String {
    let mut out = String::from("| action | payload, for instance |\n|---|---|\n");
    for entry in CATALOGUE {
        let mut payloads: Vec<String> = Vec::new();
        for payload in entry.examples.iter().filter_map(|e| e.payload).filter(|p| !p.is_empty()) {
            let shown = format!("`{}`", payload.replace('|', "\\|"));
            if !payloads.contains(&shown) && payloads.len() < 2 {
                payloads.push(shown);
            }
        }
        let shown = if payloads.is_empty() { "–".to_owned() } else { payloads.join(" · ") };
        let _ = writeln!(out, "| [`{0}`](actions.md#{0}) | {shown} |", entry.name);
    }
    out
}

#[test]
fn the_tables_of_codes_and_payloads_are_those_of_the_program() {
    // The transcripts are written by another test; only the sections are replaced here.
    let there = document("ipc.md");
    let wanted = with_section(&with_section(&there, "codes", &codes()), "payloads", &payloads());
    hold("ipc.md", &wanted, &there);
}

/// The names of all test functions in the tree.
fn tests_of_the_tree() -> BTreeSet<String> {
    fn visit(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && !name.to_string_lossy().starts_with('.') {
                    visit(&path, names);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                for part in text.split("fn ").skip(1) {
                    let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    names.insert(name);
                }
            }
        }
    }
    let mut names = BTreeSet::new();
    visit(&root(), &mut names);
    names
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let tests = tests_of_the_tree();
    for name in ["known-holes.md", "threat-model.md"] {
        let text = document(name);
        let mut named = 0;
        // Names of tests are the words in backticks with three underscores or more.
        for word in text.split('`').skip(1).step_by(2) {
            let name_of_a_test =
                word.matches('_').count() >= 3 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name_of_a_test {
                assert!(tests.contains(word), "docs/{name}: there is no test `{word}`");
                named += 1;
            }
        }
        assert!(named >= 5, "docs/{name} names {named} tests");
    }
    let holes = document("known-holes.md");
    let closed = holes.split("\n## ").find(|part| part.starts_with("Closed")).expect("the part about closed holes");
    for row in closed.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| hole")) {
        assert_eq!(row.matches(" | ").count(), 2, "{row}");
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        assert!(last.contains('`'), "a hole that is closed names its test: {row}");
    }
}
