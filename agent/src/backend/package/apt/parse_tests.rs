use proptest::prelude::*;

use super::*;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/apt/", $name))
    };
}

fn told(stdout: &str) -> Vec<String> {
    simulation(stdout).items.iter().map(ToString::to_string).collect()
}

#[test]
fn a_simulation_becomes_items() {
    let rows: &[(&str, &[&str])] = &[
        (recorded!("cowsay.out"), &["install cowsay 3.03+dfsg2-8", "install libtext-charwidth-perl 0.04-11"]),
        (
            recorded!("install-app.out"),
            &["install e2e-app 1.0", "install e2e-lib 1.0", "install e2e-tilde 1:1.0~rc1+b2"],
        ),
        (recorded!("already.out"), &[]),
        (recorded!("remove-lib.out"), &["remove e2e-app 1.0", "remove e2e-lib 1.0"]),
        (recorded!("mixed.out"), &["remove e2e-app 1.0", "remove e2e-lib 1.0", "install e2e-rival 1.0"]),
        (
            recorded!("upgrade.out"),
            &["install e2e-extra 1.0", "upgrade e2e-hello from 1.0 to 2.0", "upgrade e2e-lib from 1.0 to 2.0"],
        ),
        (recorded!("downgrade.out"), &["downgrade e2e-hello from 2.0 to 1.0"]),
        (recorded!("badpost-after.out"), &["finish setting up e2e-badpost 1.0", "install e2e-tilde 1:1.0~rc1+b2"]),
    ];
    for (stdout, expected) in rows {
        assert_eq!(told(stdout), *expected);
    }
}

#[test]
fn an_item_has_its_architecture_versions_and_origin() {
    let item = &simulation(recorded!("cowsay.out")).items[1];
    assert_eq!((item.arch.as_deref(), item.origin.as_deref()), (Some("amd64"), Some("Debian:12.15/oldstable")));
    let lines = "Inst libc6:i386 [2.36-1] (2.36-9 Debian:12/stable, Debian-Security:12/stable-security [i386]) [a:i386 on b:i386] [b:i386 ]\n\
                 Inst local (1.0 [all])\nInst same [1] (1 E2E:1/e2e [all])\nRemv wine32:i386 [8.0] [wine:i386 ]\nPurg conf [1]\n";
    let items = simulation(lines).items;
    let told: Vec<String> =
        items.iter().map(|i| format!("{i} | {} | {}", i.full_name(), i.origin.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        told,
        [
            "remove conf 1 and its configuration | conf | -",
            "upgrade libc6 from 2.36-1 to 2.36-9 | libc6:i386 | Debian:12/stable, Debian-Security:12/stable-security",
            "install local 1.0 | local | -",
            "install same 1 again | same | E2E:1/e2e",
            "remove wine32 8.0 | wine32:i386 | -",
        ]
    );
}

#[test]
fn every_line_of_a_whole_update_is_read() {
    let text = recorded!("machine-upgrade.out");
    let lines = text.lines().filter(|l| l.starts_with("Inst ")).count();
    let items = simulation(text).items;
    assert!(lines > 100);
    assert_eq!(items.len(), lines);
    assert!(items.iter().all(|i| i.verb == Verb::Upgrade && i.from.is_some() && i.origin.is_some()));
}

#[test]
fn what_is_already_so_and_what_is_kept_back_is_read() {
    assert_eq!(simulation(recorded!("already-and-new.out")).newest, [("e2e-app".to_owned(), "1.0".to_owned())]);
    assert_eq!(simulation(recorded!("remove-none.out")).absent, ["e2e-tilde"]);
    assert_eq!(simulation(recorded!("upgrade-held.out")).kept_back, ["e2e-hello"]);
}

#[test]
fn a_refusal_has_its_reason() {
    let unmet = "e2e-broken: Depends: no-such-package (>= 9) but it is not installable";
    let rows = [
        (recorded!("two-missing.out"), recorded!("two-missing.err"), Refusal::NotFound("e2e-nosuch".into())),
        (recorded!("regex.out"), recorded!("regex.err"), Refusal::NotFound("e2e-h.l+o".into())),
        (recorded!("remove-missing.out"), recorded!("remove-missing.err"), Refusal::NotFound("e2e-nosuch".into())),
        (recorded!("unmet.out"), recorded!("unmet.err"), Refusal::Unmet(unmet.into())),
        (recorded!("held-yes.out"), recorded!("held-yes.err"), Refusal::Unmet("Held packages were changed".into())),
        (recorded!("rival-noremove.out"), recorded!("rival-noremove.err"), Refusal::RemovalNeeded),
        (
            recorded!("wrong-version.out"),
            recorded!("wrong-version.err"),
            Refusal::NoVersion { name: "e2e-hello".into(), version: "9.9".into() },
        ),
        (
            "",
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4321 (unattended-upgr)\n\
             E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n",
            Refusal::Locked(Some("unattended-upgr (pid 4321)".into())),
        ),
        ("", "E: Package 'mail-x' has no installation candidate\n", Refusal::NotFound("mail-x".into())),
        (
            "",
            "E: Failed to fetch http://h/x.deb  404  Not Found\n",
            Refusal::Network("Failed to fetch http://h/x.deb  404  Not Found".into()),
        ),
        ("", "E: Something new\n", Refusal::Other(vec!["Something new".into()])),
        ("", "", Refusal::Other(vec![])),
    ];
    for (stdout, stderr, expected) in rows {
        assert_eq!(refusal(stdout, stderr), expected);
    }
    assert!(
        matches!(refusal(recorded!("essential.out"), recorded!("essential.err")), Refusal::Unmet(text) if text.contains("dpkg"))
    );
}

#[test]
fn sizes_are_read_per_archive() {
    let sizes = uris(recorded!("cowsay-uris.out"));
    let archive = |name: &str, arch: &str, bytes| (name.to_owned(), arch.to_owned(), bytes);
    assert_eq!(sizes.archives, [archive("libtext-charwidth-perl", "amd64", 9496), archive("cowsay", "all", 21372)]);
    assert_eq!(sizes.installed_change, Some(136_000));
    assert_eq!(uris(recorded!("uris-app.out")).archives.len(), 3);
    for (text, bytes) in [
        ("12.3 MB disk space will be freed.", Some(-12_300_000)),
        ("0 B of additional disk space will be used.", Some(0)),
        ("1,234 kB of additional", Some(1_234_000)),
        ("many B", None),
        ("1 parsec", None),
        ("inf B", None),
    ] {
        assert_eq!(disk_change(text), bytes, "{text}");
    }
}

#[test]
fn status_lines_become_progress() {
    let progress: Vec<_> = recorded!("real-install.out").lines().filter_map(status_line).collect();
    assert!(progress.is_sorted_by_key(|p| p.percent));
    assert_eq!(progress.last().map(|p| (p.percent, p.text.as_str())), Some((Some(95), "Installed e2e-app (amd64)")));
    let rows = [
        (
            "pmstatus:libc6:amd64:50.0000:Configuring libc6: really (amd64)",
            Some((70, "Configuring libc6: really (amd64)")),
        ),
        ("pmstatus:2048:10:Unpacking", Some((46, "Unpacking"))),
        ("dlstatus:1:100.0000:Retrieving file 1 of 1", Some((40, "Retrieving file 1 of 1"))),
        ("pmstatus:x:nan:Text", None),
        ("pmstatus:x:999:Text", Some((100, "Text"))),
        ("Setting up x (1:2.0) ...", None),
        ("pmstatus:", None),
    ];
    for (line, expected) in rows {
        let read = status_line(line).map(|p| (p.percent.unwrap(), p.text));
        assert_eq!(read, expected.map(|(p, t)| (p, t.to_owned())), "{line}");
    }
}

#[test]
fn the_last_words_of_a_failure_say_why() {
    let output = format!("{}{}", recorded!("badpost.out"), recorded!("badpost.err"));
    let words = last_words(&output);
    assert_eq!(words[0], "this postinst fails");
    assert!(words[1].starts_with("dpkg: error processing package e2e-badpost"), "{words:?}");
    assert_eq!(last_words("a\n\nb\n"), ["a", "b"]);
    assert_eq!(last_words(""), Vec::<String>::new());
}

#[test]
fn the_database_marks_and_index_are_read() {
    let rows = rows(recorded!("dpkg-query.out"));
    let told: Vec<String> = rows.iter().map(|r| format!("{} {} {} {}", r.name, r.arch, r.status, r.version)).collect();
    assert_eq!(told[..2], ["e2e-hello all installed 2.0", "e2e-lib all installed 2.0"]);
    assert_eq!(auto_marks(recorded!("extended-states")), BTreeSet::from([("e2e-lib".to_owned(), "amd64".to_owned())]));
    assert_eq!(auto_marks("Package: x\nArchitecture: amd64\nAuto-Installed: 0\n"), BTreeSet::new());
    assert_eq!(search(recorded!("search.out"))[0].summary, "test package e2e-hello");
    let versions = versions(recorded!("show.out"));
    assert_eq!(versions[1], ("e2e-tilde".to_owned(), "1:1.0~rc1+b2".to_owned()));
    let showpkg = "Package: m\nReverse Provides: \nexim4 4.9 (= )\ndma 0.1 (= )\nexim4 4.8 (= )\n";
    assert_eq!(providers(showpkg), ["dma", "exim4"]);
}

fn any_output() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("Inst "),
        Just("Conf "),
        Just("Remv "),
        Just("Purg "),
        Just("E: "),
        Just("Package '"),
        Just("Version '"),
        Just("\n"),
        Just("  "),
        Just("'"),
        Just("' "),
        Just(" ["),
        Just("] "),
        Just("])"),
        Just("("),
        Just(":"),
        Just("pmstatus:"),
        Just("x"),
        Just("1.0"),
        Just("_"),
        Just(".deb"),
        Just("held by process "),
        Just("After this operation, "),
        Just("\t"),
        Just("é"),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_output_makes_a_parser_panic(text in any_output()) {
        let read = simulation(&text);
        for item in &read.items {
            prop_assert!(item.verb.keeps() == item.to.is_some());
            prop_assert!(!item.name.is_empty());
        }
        let _ = (uris(&text), refusal(&text, &text), rows(&text), auto_marks(&text), search(&text), versions(&text));
        let _ = (providers(&text), last_words(&text), text.lines().filter_map(status_line).count());
    }
}

#[test]
fn a_line_without_a_name_is_no_item() {
    for line in ["Remv \t [1.0] ", "Purg \t [] ", "Inst \t (1.0 Debian:12 [amd64])", "Conf \t (1.0 Debian:12 [amd64])"]
    {
        assert_eq!(simulation(line).items, [], "{line:?}");
    }
}
