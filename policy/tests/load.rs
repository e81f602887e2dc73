//! What is wrong with a file is said with its place and what was probably meant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Actions, policy, source};
use steward_policy::Layer::{Admin, User, Vendor};
use steward_policy::Policy;

/// One rule for `package_install` that denies, with `more`.
fn rule(more: &str) -> String {
    format!("[[rule]]\nid = \"a\"\nactions = [\"package_install\"]\n{more}\n")
}

fn errors(text: &str) -> Vec<String> {
    match policy(&[(Vendor, text)]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_error_names_its_place_and_what_was_meant() {
    let deny = "decision = \"deny\"\n";
    let ok = "decision = \"ok\"\n";
    let rows: Vec<(String, &str)> = vec![
        (
            "[[rule]]\nid='a'\nactions=['package_instal']\ndecision='ok'".into(),
            "0.toml:4:10: there is no action `package_instal` (did you mean `package_install`?)",
        ),
        ("[[rul]]\nid='a'".into(), "0.toml:2:3: unknown key `rul` (did you mean `rule`?)"),
        (
            rule("decision = \"denny\""),
            "0.toml:5:12: `denny` is none of `ok`, `confirm`, `deny` (did you mean `deny`?)",
        ),
        (rule("desicion = \"deny\""), "unknown key `desicion` (did you mean `decision`?)"),
        (
            rule(&format!("{deny}args.package = {{ in = [\"x\"] }}")),
            "0.toml:6:6: the action `package_install` has no argument `package` (did you mean `packages`?)",
        ),
        (
            rule(&format!("{deny}args.packages = {{ under = [\"/x\"] }}")),
            "`packages` is a list, which does not take `under`",
        ),
        (
            rule(&format!("{deny}args.packages = {{ all_in = [\"x\"] }}")),
            "`all_in` cannot stand in a `confirm` or `deny` rule",
        ),
        (rule(&format!("{ok}args.packages = {{ any_in = [\"x\"] }}")), "`any_in` cannot stand in an `ok` rule"),
        (rule(&format!("{deny}args.packages = {{ in = \"@none\" }}")), "there is no set `@none`"),
        (rule(&format!("{deny}args.packages = {{ in = [] }}")), "the list is empty"),
        (rule(&format!("{deny}args.packages = {{ regex = \"(\" }}")), "the regular expression `(` is not usable"),
        (rule(&format!("{deny}args.packages = {{ in = [\"x\"], not_in = [\"x\"] }}")), "no value satisfies `in`"),
        (rule(&format!("{ok}floor = true")), "an `ok` rule cannot be a floor"),
        (rule(&format!("{ok}delegate = true")), "only an admin rule can delegate"),
        (rule(&format!("{deny}limit = {{ rate = \"5/1h\", over = \"deny\" }}")), "a `deny` rule releases nothing"),
        (rule(&format!("{ok}limit = {{ rate = \"5/1h\", over = \"ok\" }}")), "`over` is not stricter"),
        (rule(&format!("{ok}limit = {{ rate = \"5\", over = \"deny\" }}")), "`5` is not a rate such as `5/1h`"),
        (rule(&format!("{ok}when.time = {{ from = \"8:00\" }}")), "`8:00` is not a time of day"),
        (rule(&format!("{ok}when.time = {{ days = [\"mo\"] }}")), "`mo` is not a day"),
        (rule(&format!("{ok}when.caller = [\"x\"]\n[caller.y]\nexe = \"/x\"")), "there is no `[caller.x]`"),
        (rule(&format!("{ok}when.caller = [\"y\"]\n[caller.y]\nexe = \"/x\"")), "it must also name `uid`"),
        (
            rule(&format!("{ok}match = [\"package_remove x\"]")),
            "0.toml:6:10: the rule `a` does not match its example `package_remove x`",
        ),
        (rule(&format!("{deny}not_match = [\"package_install x\"]")), "the rule `a` matches its example"),
        (rule(&format!("{deny}match = [\"nonsense\"]")), "the example `nonsense` is not a request"),
        (rule(&format!("{deny}[[rule.except]]\n")), "an exception without a condition"),
        (rule("decision = { confirm = { ttl = \"5\" } }"), "`5` is not a length of time"),
        (rule("decision = { confirm = { grants = [\"2h\"] } }"), "`2h` is none of"),
        (format!("{0}{0}", rule(deny)), "the rule `a` is there twice in this layer"),
        (
            "[[rule]]\nid='a'\nactions=['ping']\ndecision='deny'".into(),
            "`ping` is subject to ownership and assurance, not to rules",
        ),
        (
            "[[rule]]\nid='a'\nactions=['set_volume']\ndecision='deny'\nargs.percent={min=9,max=1}".into(),
            "no number is at least 9 and at most 1",
        ),
        (
            "[[rule]]\nid='a'\nactions=['open_url']\ndecision='deny'\nargs.url={host=['*.co.uk']}".into(),
            "would span a public suffix",
        ),
        (
            "[[rule]]\nid='a'\nactions=['list_files']\ndecision='deny'\nargs.path={under=['docs']}".into(),
            "begins with none of `/`, `~/` and `./`",
        ),
        ("[set]\na.b=['x']\na.c=['@a.b']".into(), "a set cannot contain a set"),
        ("[risk]\nreversable='ok'".into(), "(did you mean `reversible`?)"),
        ("x = [".into(), "0.toml:2:6: "),
    ];
    for (text, want) in rows {
        let found = errors(&text);
        assert!(found.iter().any(|e| e.contains(want)), "{text}\nwanted {want}\nfound {found:#?}");
    }
}

#[test]
fn all_errors_of_all_files_come_at_once_in_order() {
    let found = policy(&[(Vendor, "[x]\n[y]"), (Admin, "[z]")]).unwrap_err();
    let places: Vec<_> = found.iter().map(|e| format!("{}:{}", e.file, e.line)).collect();
    assert_eq!(places, ["0.toml:2", "0.toml:3", "1.toml:2"]);
    let empty = Policy::load(vec![source(Admin, "e.toml", "")], &Actions).unwrap_err();
    assert_eq!(empty[0].to_string(), "e.toml:1:1: the file is empty");
    let bare = Policy::load(vec![source(Admin, "e.toml", "[risk]\n")], &Actions).unwrap_err();
    assert!(bare[0].message.contains("version = 1"));
}

#[test]
fn a_layer_sees_its_own_sets_and_those_above_only() {
    let uses = rule("decision = \"deny\"\nargs.packages = { in = \"@s\" }");
    assert!(policy(&[(Admin, "[set]\ns=['x']"), (Vendor, &uses)]).is_ok());
    assert!(policy(&[(Vendor, "[set]\ns=['x']"), (Admin, &uses)]).is_err());
    assert!(policy(&[(Vendor, "[set]\ns=['x']"), (Admin, "[risk]"), (User, &uses)]).is_ok());
}

#[test]
fn the_hash_follows_the_meaning_and_not_the_layout() {
    let hash = |text: &str| policy(&[(Vendor, text)]).unwrap().hash().to_owned();
    let a = hash("[set]\ns=['x','y']\n[risk]\nlow='ok'");
    assert_eq!(a, hash("# words\n[risk]\nlow = \"ok\"\n[set]\ns = [\n'y', 'x']"));
    assert_ne!(a, hash("[set]\ns=['x','z']\n[risk]\nlow='ok'"));
}

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_and_spliced_anywhere_loads_or_names_a_place(
        from in 0_usize..3000, length in 0_usize..40, to in 0_usize..3000, noise in "[\\[\\]{}=\"'a-z*@~/.\\\\\n-]{0,6}",
    ) {
        let text = steward_policy::shipped::DESKTOP;
        let cut = |at: usize| text.char_indices().map(|(i, _)| i).nth(at.min(text.len() - 1)).unwrap_or(0);
        let (from, to) = (cut(from), cut(to));
        let piece = &text[from..cut(from + length).max(from)];
        let spliced = format!("{}{noise}{piece}{}", &text[..to], &text[to..]);
        match Policy::load(vec![source(Admin, "a.toml", &spliced), source(User, "u.toml", &spliced)], &Actions) {
            Ok(policy) => drop((policy.check(), policy.coverage())),
            Err(errors) => for e in errors {
                prop_assert!(e.line > 0 && e.column > 0 && !e.message.is_empty() && !e.to_string().contains('\n'), "{}", e);
            },
        }
    }
}
