//! `[[rule]]` and `[[test]]`.

use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::read::{At, Context, Node, seconds};
use super::sandbox::Sandboxes;
use super::sets::Sets;
use super::tables::{Tables, Written};
use crate::catalogue::ArgKind;
use crate::check::PolicyTest;
use crate::decision::{Assurance, Decision, Per, Requirements};
use crate::facts::LocalTime;
use crate::glob::Glob;
use crate::rule::{Clause, Example, Layer, Limit, Rule, Window};
use crate::suggest::nearest;

/// The longest window of a rate limit, in seconds: a week.
const MAX_WINDOW: u64 = 7 * 86_400;
const RULE_KEYS: [&str; 14] = [
    "id",
    "actions",
    "decision",
    "why",
    "instead",
    "floor",
    "delegate",
    "args",
    "when",
    "sandbox",
    "limit",
    "match",
    "not_match",
    "except",
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// One table of settings, or an empty one of its kind.
type Found<'d, 's> = Option<At<'d, 's>>;

#[derive(Default)]
struct Parts<'d, 's> {
    id: Found<'d, 's>,
    actions: Found<'d, 's>,
    decision: Found<'d, 's>,
    why: Found<'d, 's>,
    instead: Found<'d, 's>,
    floor: Found<'d, 's>,
    delegate: Found<'d, 's>,
    args: Found<'d, 's>,
    when: Found<'d, 's>,
    sandbox: Found<'d, 's>,
    limit: Found<'d, 's>,
    matches: Found<'d, 's>,
    not_match: Found<'d, 's>,
    except: Found<'d, 's>,
}

impl<'s> Context<'s> {
    pub(super) fn rule(
        &mut self,
        tables: &Tables,
        sets: &mut Sets,
        sandboxes: &Sandboxes,
        requirements: Requirements,
        at: At<'_, 's>,
    ) -> Option<Rule> {
        let before = self.errors.len();
        let mut p = Parts::default();
        for (key, node) in self.table(at)?.iter() {
            let value = Some(At { file: at.file, node });
            match &**key.get_ref() {
                "id" => p.id = value,
                "actions" => p.actions = value,
                "decision" => p.decision = value,
                "why" => p.why = value,
                "instead" => p.instead = value,
                "floor" => p.floor = value,
                "delegate" => p.delegate = value,
                "args" => p.args = value,
                "when" => p.when = value,
                "sandbox" => p.sandbox = value,
                "limit" => p.limit = value,
                "match" => p.matches = value,
                "not_match" => p.not_match = value,
                "except" => p.except = value,
                _ => self.unknown_key(at.file, key, &RULE_KEYS),
            }
        }
        let id = self.required(at, p.id, "id").and_then(|v| self.id(v));
        let actions = self.required(at, p.actions, "actions").map(|v| self.actions(v)).unwrap_or_default();
        let written = self.required(at, p.decision, "decision").and_then(|v| self.decision(v));
        let says_assurance = written.is_some_and(Written::says_assurance);
        let decision = written.unwrap_or(Written::Deny).complete(requirements);
        let strict = decision != Decision::Ok;

        let floor = p.floor.and_then(|v| Some((self.boolean(v)?, v)));
        if let Some((true, v)) = floor
            && !strict
        {
            self.wrong(v, "an `ok` rule cannot be a floor: a floor only tightens");
        }
        let delegate = p.delegate.and_then(|v| Some((self.boolean(v)?, v)));
        if let Some((true, v)) = delegate {
            if self.layer(at.file) != Layer::Admin {
                self.wrong(v, "only an admin rule can delegate to the user's rules");
            }
            if floor.is_some_and(|(f, _)| f) {
                self.wrong(v, "a floor cannot be delegated");
            }
        }

        let clause = self.clause(tables, sets, &actions, strict, p.args, p.when);
        let mut except = Vec::new();
        for one in p.except.map(|v| self.tables(v)).unwrap_or_default() {
            let (mut args, mut when) = (None, None);
            for (key, node) in self.table(one).into_iter().flat_map(|t| t.iter()) {
                let value = Some(At { file: at.file, node });
                match &**key.get_ref() {
                    "args" => args = value,
                    "when" => when = value,
                    _ => self.unknown_key(at.file, key, &["args", "when"]),
                }
            }
            if args.is_none() && when.is_none() {
                self.wrong(one, "an exception without a condition would switch the rule off");
            }
            except.push(self.clause(tables, sets, &actions, !strict, args, when));
        }
        let sandbox =
            p.sandbox.map(|v| self.rule_sandboxes(sandboxes, v, decision == Decision::Deny)).unwrap_or_default();
        if let Some(v) = p.sandbox
            && !actions
                .iter()
                .any(|a| self.actions.get(&**a).is_some_and(|info| info.args.iter().any(|(name, _)| name == "sandbox")))
        {
            self.wrong(v, "none of the rule's actions runs a command in a sandbox");
        }
        let limit = p.limit.and_then(|v| self.limit(v, decision, requirements));
        let mut examples = Vec::new();
        for (list, expected) in [(p.matches, true), (p.not_match, false)] {
            for (text, start) in list.and_then(|v| self.texts(v)).unwrap_or_default() {
                examples.push((text, expected, start));
            }
        }
        let shared = |cx: &mut Self, v: Found<'_, 's>| v.and_then(|v| Some(Arc::from(cx.text(v)?)));
        let (why, instead) = (shared(self, p.why), shared(self, p.instead));
        if self.errors.len() > before {
            return None;
        }
        let at_doors = !clause.callers.is_empty() && clause.callers.iter().all(|c| c.door.is_some());
        let mut rule = Rule {
            id: id?,
            layer: self.layer(at.file),
            file: at.file as u32,
            at: p.id.map_or(at.node.span().start, |v| v.node.span().start) as u32,
            actions,
            decision,
            why,
            instead,
            floor: floor.is_some_and(|(f, _)| f),
            delegate: delegate.is_some_and(|(d, _)| d),
            speaks_for_door: says_assurance && at_doors,
            joins: false,
            clause,
            except,
            sandbox,
            limit,
            examples: Vec::new(),
        };
        rule.joins = rule.only_tightens();
        if rule.joins && rule.delegate {
            self.wrong(at, "a `confirm` rule that looks at a whole list only tightens, so it cannot delegate");
        }
        rule.examples = self.examples(&rule, at.file, &examples);
        Some(rule)
    }

    fn required<'d>(&mut self, at: At<'d, 's>, value: Found<'d, 's>, key: &str) -> Found<'d, 's> {
        if value.is_none() {
            self.wrong(at, format!("the rule has no `{key}`"));
        }
        value
    }

    fn id(&mut self, at: At<'_, 's>) -> Option<Arc<str>> {
        let text = self.text(at)?;
        let good = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !good {
            self.wrong(at, format!("the id `{text}` is not made of up to 64 letters, digits and `.-_`"));
        } else if ["risk.", "defaults.", "policy."].iter().any(|p| text.starts_with(p)) {
            self.wrong(at, format!("the id `{text}` begins as the names of built-in verdicts do"));
        }
        good.then(|| Arc::from(text))
    }

    /// The names of actions; globs stand for all that they match, meta actions apart.
    fn actions(&mut self, at: At<'_, 's>) -> Vec<Arc<str>> {
        let mut out: Vec<Arc<str>> = Vec::new();
        for (text, start) in self.texts(at).unwrap_or_default() {
            if Glob::is_glob(text) {
                let glob = match Glob::new(text, None) {
                    Ok(glob) => glob,
                    Err(e) => {
                        self.error(at.file, start, e);
                        continue;
                    }
                };
                let before = out.len();
                for name in &self.names {
                    if glob.matches(name) && self.actions.get(name.as_str()).is_some_and(|a| !a.meta) {
                        out.push(name.as_str().into());
                    }
                }
                if out.len() == before {
                    self.error(at.file, start, format!("no action matches `{text}`"));
                }
                continue;
            }
            match self.actions.get(text) {
                Some(action) if action.meta => {
                    let message = format!("`{text}` is subject to ownership and assurance, not to rules");
                    self.error(at.file, start, message);
                }
                Some(_) => out.push(text.into()),
                None => {
                    let hint = nearest(text, self.names.iter().map(String::as_str)).map(str::to_owned);
                    self.error_hint(at.file, start, format!("there is no action `{text}`"), hint);
                }
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
        out
    }

    fn clause(
        &mut self,
        tables: &Tables,
        sets: &mut Sets,
        actions: &[Arc<str>],
        strict: bool,
        args: Found<'_, 's>,
        when: Found<'_, 's>,
    ) -> Clause {
        let mut clause = Clause::default();
        for (key, node) in args.and_then(|at| self.table(at)).into_iter().flat_map(|t| t.iter()) {
            let file = args.map_or(0, |a| a.file);
            let Some(kind) = self.kind(actions, file, key) else { continue };
            self.predicates(sets, key.get_ref(), kind, strict, At { file, node }, &mut clause.predicates);
        }
        let Some(at) = when else { return clause };
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "caller" => clause.callers = self.when_callers(tables, at, strict),
                "time" => clause.time = self.window(at),
                "locked" => clause.locked = self.boolean(at),
                _ => self.unknown_key(at.file, key, &["caller", "time", "locked"]),
            }
        }
        clause
    }

    /// The type of an argument, which must be the same in all actions of the rule.
    fn kind(&mut self, actions: &[Arc<str>], file: usize, key: &Spanned<std::borrow::Cow<'_, str>>) -> Option<ArgKind> {
        let name: &str = key.get_ref();
        let mut kind = None;
        for action in actions {
            let info = self.actions.get(&**action)?;
            let Some((_, is)) = info.args.iter().find(|(n, _)| n == name) else {
                let hint = nearest(name, info.args.iter().map(|(n, _)| n.as_str())).map(str::to_owned);
                let message = format!("the action `{action}` has no argument `{name}`");
                self.error_hint(file, key.span().start, message, hint);
                return None;
            };
            if kind.is_some_and(|k| k != *is) {
                self.error(
                    file,
                    key.span().start,
                    format!("`{name}` is not of the same type in all actions of the rule"),
                );
                return None;
            }
            kind = Some(*is);
        }
        kind
    }

    fn window(&mut self, at: At<'_, 's>) -> Option<Window> {
        let mut window = Window { days: 0x7f, from: 0, to: 0, zone: None };
        let (mut from, mut to) = (None, None);
        for (key, node) in self.table(at)?.iter() {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "days" => window.days = self.days(at),
                "from" => from = self.minute(at),
                "to" => to = self.minute(at),
                "zone" => window.zone = self.text(at).filter(|t| !t.is_empty()).map(Into::into),
                _ => self.unknown_key(at.file, key, &["days", "from", "to", "zone"]),
            }
        }
        let bounded = from.is_some() || to.is_some();
        window.from = from.unwrap_or(0);
        window.to = to.unwrap_or(1440);
        if bounded && window.from == window.to {
            self.wrong(at, "the window begins when it ends; leave both out for whole days");
            return None;
        }
        Some(window)
    }

    /// `mon`, `mon..fri`, and lists of them.
    fn days(&mut self, at: At<'_, 's>) -> u8 {
        let mut bits = 0;
        for (text, start) in self.texts(at).unwrap_or_default() {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            let day = |name: &str| DAYS.iter().position(|d| *d == name);
            let (Some(first), Some(last)) = (day(first), day(last)) else {
                self.error(
                    at.file,
                    start,
                    format!("`{text}` is not a day such as `mon` or a range such as `mon..fri`"),
                );
                continue;
            };
            let count = (last + 7 - first) % 7;
            (0..=count).for_each(|i| bits |= 1 << ((first + i) % 7));
        }
        bits
    }

    fn minute(&mut self, at: At<'_, 's>) -> Option<u16> {
        let text = self.text(at)?;
        let time = minute(text).or((text == "24:00").then_some(1440));
        if time.is_none() {
            self.wrong(at, format!("`{text}` is not a time of day such as `08:00`"));
        }
        time
    }

    fn limit(&mut self, at: At<'_, 's>, decision: Decision, requirements: Requirements) -> Option<Limit> {
        let (mut rate, mut per, mut over) = (None, Per::Uid, None);
        for (key, node) in self.table(at)?.iter() {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "rate" => rate = self.rate(at),
                "per" => {
                    let words = [("uid", Per::Uid), ("caller", Per::Caller), ("action", Per::Action)];
                    per = self.word(at, &words)?;
                }
                "over" => over = self.decision(at),
                _ => self.unknown_key(at.file, key, &["rate", "per", "over"]),
            }
        }
        let (Some((count, window)), Some(over)) = (rate, over) else {
            self.wrong(at, "a limit needs `rate`, such as \"5/1h\", and `over`, `confirm` or `deny`");
            return None;
        };
        let over = over.complete(requirements);
        if decision == Decision::Deny {
            self.wrong(at, "a `deny` rule releases nothing, so it cannot have a limit");
        } else if !over.stricter_than(decision) {
            self.wrong(at, format!("`over` is not stricter than the rule's own decision, `{}`", decision.name()));
        }
        Some(Limit { count, window: Duration::from_secs(window), per, over })
    }

    fn rate(&mut self, at: At<'_, 's>) -> Option<(u32, u64)> {
        let text = self.text(at)?;
        let rate = text.split_once('/').and_then(|(n, w)| {
            let window = seconds(w).filter(|s| *s > 0 && *s <= MAX_WINDOW)?;
            Some((n.parse::<u32>().ok()?, window))
        });
        if rate.is_none() {
            self.wrong(at, format!("`{text}` is not a rate such as `5/1h` (a window up to 7 days)"));
        }
        rate
    }

    fn examples(&mut self, rule: &Rule, file: usize, examples: &[(&str, bool, usize)]) -> Vec<Example> {
        let mut out = Vec::with_capacity(examples.len());
        for (text, expected, start) in examples {
            let steps = match self.catalogue.parse(text) {
                Ok(steps) => steps,
                Err(e) => {
                    self.error(file, *start, format!("the example `{text}` is not a request: {e}"));
                    continue;
                }
            };
            if crate::check::example_matches(rule, &steps) != *expected {
                let verb = if *expected { "does not match" } else { "matches" };
                self.error(file, *start, format!("the rule `{}` {verb} its example `{text}`", rule.id));
            }
            out.push(Example { steps });
        }
        out
    }

    pub(super) fn test_case(&mut self, tables: &Tables, at: At<'_, 's>) -> Option<PolicyTest> {
        let before = self.errors.len();
        let mut test = PolicyTest { file: at.file as u32, at: at.node.span().start as u32, ..PolicyTest::default() };
        let (mut run, mut expect) = (None, None);
        for (key, node) in self.table(at)?.iter() {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "run" => run = Some(at),
                "as" => self.test_as(tables, at, &mut test),
                "expect" => expect = Some(at),
                _ => self.unknown_key(at.file, key, &["run", "as", "expect"]),
            }
        }
        let (Some(run), Some(expect)) = (run, expect) else {
            self.wrong(at, "a test needs `run`, a request, and `expect = { decision = … }`");
            return None;
        };
        test.at = run.node.span().start as u32;
        test.run = self.text(run)?.to_owned();
        match self.catalogue.parse(&test.run) {
            Ok(steps) => test.steps = steps,
            Err(e) => self.wrong(run, format!("`{}` is not a request: {e}", test.run)),
        }
        for (key, node) in self.table(expect)?.iter() {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "decision" => test.decision = self.word(at, &[("ok", "ok"), ("confirm", "confirm"), ("deny", "deny")]),
                "rule" => test.rule = self.text(at).map(str::to_owned),
                "preview" => test.preview = self.boolean(at),
                "assurance" => {
                    let words = [
                        ("requester", Assurance::Requester),
                        ("desktop", Assurance::Desktop),
                        ("authenticated", Assurance::Authenticated),
                    ];
                    test.assurance = self.word(at, &words);
                }
                _ => self.unknown_key(at.file, key, &["decision", "rule", "preview", "assurance"]),
            }
        }
        (self.errors.len() == before).then_some(test)
    }

    fn test_as(&mut self, tables: &Tables, at: At<'_, 's>, test: &mut PolicyTest) {
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "caller" => test.caller = self.when_callers(tables, at, true).into_iter().next(),
                "at" => test.moment = self.moment(node, at),
                "door" => test.door = self.text(at).map(str::to_owned),
                "uid" => test.uid = self.number(at, 0..1 << 32).map(|n| n as u32),
                "locked" => test.locked = self.boolean(at),
                "released" => test.released = self.number(at, 0..1 << 32).map(|n| n as u32),
                _ => self.unknown_key(at.file, key, &["caller", "at", "door", "uid", "locked", "released"]),
            }
        }
    }

    fn moment(&mut self, node: &Node<'s>, at: At<'_, 's>) -> Option<LocalTime> {
        let text = match node.get_ref().as_datetime() {
            Some(datetime) => datetime.to_string(),
            None => self.text(at)?.to_owned(),
        };
        let moment = crate::moment(&text);
        if moment.is_none() {
            self.wrong(at, format!("`{text}` is not a date with a time such as `2026-03-02T09:00:00`"));
        }
        moment
    }
}

/// `HH:MM`, or `HH:MM:SS` of which the seconds are dropped, as minutes since midnight.
pub(crate) fn minute(text: &str) -> Option<u16> {
    let mut parts = text.split(':');
    let mut next = |limit: u16| {
        let part = parts.next()?;
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())?
            .filter(|n| *n < limit)
    };
    let (hour, minute) = (next(24)?, next(60)?);
    if text.len() > 5 {
        next(60)?;
    }
    parts.next().is_none().then_some(hour * 60 + minute)
}
