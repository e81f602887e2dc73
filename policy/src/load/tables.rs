//! `[defaults]`, `[risk]`, `[set]`, `[caller.NAME]` and `[door.NAME]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{At, Context};
use super::sets::{Kind, Sets};
use crate::decision::{Assurance, Decision, GrantLength, GrantSet, Requirements};
use crate::policy::{Defaults, NoApprover};
use crate::risk::Risk;
use crate::rule::{CallerDef, Layer};
use crate::suggest::nearest;
use crate::values::Patterns;

/// How long a held request may stay open at the most, in seconds: a day.
const MAX_TTL: u64 = 86_400;

/// A confirmation of which only some requirements are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Partial {
    assurance: Option<Assurance>,
    ttl: Option<u32>,
    grants: Option<GrantSet>,
    preview: Option<bool>,
}

/// A decision as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Ok,
    Confirm(Partial),
    Deny,
}

impl Written {
    /// Whether it is a confirmation of which it is written who may answer.
    pub(super) fn says_assurance(self) -> bool {
        matches!(self, Written::Confirm(p) if p.assurance.is_some())
    }

    pub(super) fn complete(self, r: Requirements) -> Decision {
        match self {
            Written::Ok => Decision::Ok,
            Written::Deny => Decision::Deny,
            Written::Confirm(p) => Decision::Confirm(Requirements {
                assurance: p.assurance.unwrap_or(r.assurance),
                ttl: p.ttl.unwrap_or(r.ttl),
                grants: p.grants.unwrap_or(r.grants),
                preview: p.preview.unwrap_or(r.preview),
            }),
        }
    }
}

fn join<T>(a: Option<T>, b: Option<T>, f: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(f(a, b)),
        (a, b) => a.or(b),
    }
}

impl Partial {
    fn join(self, o: Partial) -> Partial {
        Partial {
            assurance: join(self.assurance, o.assurance, Assurance::max),
            ttl: join(self.ttl, o.ttl, u32::min),
            grants: join(self.grants, o.grants, GrantSet::and),
            preview: join(self.preview, o.preview, |a, b| a || b),
        }
    }

    fn or(self, below: Partial) -> Partial {
        Partial {
            assurance: self.assurance.or(below.assurance),
            ttl: self.ttl.or(below.ttl),
            grants: self.grants.or(below.grants),
            preview: self.preview.or(below.preview),
        }
    }
}

/// What the tables of one layer say, all its files together.
#[derive(Debug, Default)]
struct LayerTables {
    unmatched: Vec<Written>,
    no_approver: Option<NoApprover>,
    confirm: Partial,
    risk: [Vec<Written>; 6],
    has_risk: bool,
    doors: BTreeMap<String, Assurance>,
}

/// The tables of all layers.
#[derive(Debug, Default)]
pub(super) struct Tables {
    layers: [LayerTables; 3],
    pub(super) callers: BTreeMap<(Layer, String), Arc<CallerDef>>,
}

/// What they come to.
pub(super) struct Settled {
    pub(super) defaults: Defaults,
    pub(super) baseline: [Option<Decision>; 6],
    pub(super) doors: Vec<(Box<str>, Assurance)>,
}

/// What holds when no file says anything.
pub(crate) const REQUIREMENTS: Requirements =
    Requirements { assurance: Assurance::Requester, ttl: 300, grants: GrantSet::ONCE, preview: false };

impl Tables {
    pub(super) fn caller(&self, layer: Layer, name: &str) -> Option<&Arc<CallerDef>> {
        Layer::ALL.into_iter().rev().filter(|l| *l <= layer).find_map(|l| self.callers.get(&(l, name.to_owned())))
    }

    /// Within a layer entries join, the highest layer that has an entry decides, the user's are joined on top.
    pub(super) fn settle(&self) -> Settled {
        let [admin, vendor, user] = &self.layers;
        let partial = admin.confirm.or(vendor.confirm);
        let confirm = match Written::Confirm(partial.join(user.confirm)).complete(REQUIREMENTS) {
            Decision::Confirm(r) => {
                // What the user says can only tighten, also where nobody above says anything.
                let base = Written::Confirm(partial).complete(REQUIREMENTS);
                match base.join(Decision::Confirm(r)) {
                    Decision::Confirm(r) => r,
                    _ => r,
                }
            }
            _ => REQUIREMENTS,
        };
        let decide = |of: &dyn Fn(&LayerTables) -> &[Written]| -> Option<Decision> {
            let joined = |l: &LayerTables| of(l).iter().map(|w| w.complete(confirm)).reduce(Decision::join);
            joined(admin).or_else(|| joined(vendor))
        };
        let on_top = |base: Decision, of: &dyn Fn(&LayerTables) -> &[Written]| {
            of(user).iter().fold(base, |d, w| d.join(w.complete(confirm)))
        };
        let unmatched = on_top(decide(&|l| &l.unmatched).unwrap_or(Decision::Deny), &|l| &l.unmatched);
        let built_in = !(admin.has_risk || vendor.has_risk);
        let baseline = Risk::ALL.map(|risk| {
            let i = risk as usize;
            let base =
                if built_in { Some(built_in_risk(risk).complete(confirm)) } else { decide(&move |l| &l.risk[i]) };
            match base {
                Some(base) => Some(on_top(base, &move |l| &l.risk[i])),
                None if user.risk[i].is_empty() => None,
                None => Some(on_top(unmatched, &move |l| &l.risk[i])),
            }
        });
        let no_approver = admin.no_approver.or(vendor.no_approver);
        let no_approver = join(no_approver, user.no_approver, NoApprover::max).unwrap_or(NoApprover::Queue);
        let mut doors = vendor.doors.clone();
        doors.extend(admin.doors.clone());
        for (name, level) in &user.doors {
            let entry = doors.entry(name.clone()).or_insert(*level);
            *entry = (*entry).max(*level);
        }
        Settled {
            defaults: Defaults { unmatched, no_approver, confirm },
            baseline,
            doors: doors.into_iter().map(|(n, a)| (n.into_boxed_str(), a)).collect(),
        }
    }
}

/// The risk baseline while no file has a `[risk]` table.
fn built_in_risk(risk: Risk) -> Written {
    match risk {
        Risk::Observe | Risk::Low | Risk::Reversible => Written::Ok,
        Risk::Disruptive => Written::Confirm(Partial::default()),
        Risk::Destructive => {
            Written::Confirm(Partial { preview: Some(true), grants: Some(GrantSet::ONCE), ..Partial::default() })
        }
        Risk::Critical => Written::Deny,
    }
}

const ASSURANCES: [(&str, Assurance); 3] =
    [("requester", Assurance::Requester), ("desktop", Assurance::Desktop), ("authenticated", Assurance::Authenticated)];

impl<'s> Context<'s> {
    /// `"ok"`, `"confirm"`, `"deny"`, or `{ confirm = { … } }`.
    pub(super) fn decision(&mut self, at: At<'_, 's>) -> Option<Written> {
        let Some(table) = at.node.get_ref().as_table() else {
            let words =
                [("ok", Written::Ok), ("confirm", Written::Confirm(Partial::default())), ("deny", Written::Deny)];
            return self.word(at, &words);
        };
        let mut found = None;
        for (key, node) in table.iter() {
            match &**key.get_ref() {
                "confirm" => found = self.requirements(At { file: at.file, node }).map(Written::Confirm),
                _ => self.unknown_key(at.file, key, &["confirm"]),
            }
        }
        if table.is_empty() {
            self.wrong(at, "expected `{ confirm = { … } }`");
        }
        found
    }

    fn requirements(&mut self, at: At<'_, 's>) -> Option<Partial> {
        const KEYS: [&str; 4] = ["assurance", "ttl", "grants", "preview"];
        let mut out = Partial::default();
        for (key, node) in self.table(at)?.iter() {
            let at = At { file: at.file, node };
            match &**key.get_ref() {
                "assurance" => out.assurance = self.word(at, &ASSURANCES),
                "ttl" => out.ttl = self.duration(at, MAX_TTL).map(|s| s as u32),
                "grants" => out.grants = self.grants(at),
                "preview" => out.preview = self.boolean(at),
                _ => self.unknown_key(at.file, key, &KEYS),
            }
        }
        Some(out)
    }

    fn grants(&mut self, at: At<'_, 's>) -> Option<GrantSet> {
        const WORDS: [(&str, GrantLength); 6] = [
            ("once", GrantLength::Once),
            ("session", GrantLength::Session),
            ("1h", GrantLength::Hour),
            ("8h", GrantLength::EightHours),
            ("until_revoked", GrantLength::UntilRevoked),
            ("until-revoked", GrantLength::UntilRevoked),
        ];
        let Some(list) = at.node.get_ref().as_array() else {
            self.expected(at, "a list such as `[\"once\", \"1h\"]`");
            return None;
        };
        let mut lengths = Vec::new();
        for node in list.iter() {
            lengths.push(self.word(At { file: at.file, node }, &WORDS)?);
        }
        Some(GrantSet::of(&lengths))
    }

    pub(super) fn defaults(&mut self, tables: &mut Tables, at: At<'_, 's>) {
        let layer = self.layer(at.file) as usize;
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let at = At { file: at.file, node };
            let own = &mut tables.layers[layer];
            match &**key.get_ref() {
                "unmatched" => own.unmatched.extend(self.decision(at)),
                "no_approver" => {
                    let words = [("queue", NoApprover::Queue), ("deny", NoApprover::Deny)];
                    own.no_approver = join(own.no_approver, self.word(at, &words), NoApprover::max);
                }
                "confirm" => own.confirm = own.confirm.join(self.requirements(at).unwrap_or_default()),
                _ => self.unknown_key(at.file, key, &["unmatched", "no_approver", "confirm"]),
            }
        }
    }

    pub(super) fn risk(&mut self, tables: &mut Tables, at: At<'_, 's>) {
        let own = &mut tables.layers[self.layer(at.file) as usize];
        own.has_risk = true;
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            match Risk::ALL.iter().find(|r| r.name() == &**key.get_ref()) {
                Some(risk) => own.risk[*risk as usize].extend(self.decision(At { file: at.file, node })),
                None => self.unknown_key(at.file, key, &Risk::ALL.map(Risk::name)),
            }
        }
    }

    pub(super) fn doors(&mut self, tables: &mut Tables, at: At<'_, 's>) {
        let own = &mut tables.layers[self.layer(at.file) as usize];
        for (door, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            for (key, node) in self.table(At { file: at.file, node }).into_iter().flat_map(|t| t.iter()) {
                if &**key.get_ref() != "min_assurance" {
                    self.unknown_key(at.file, key, &["min_assurance"]);
                } else if let Some(level) = self.word(At { file: at.file, node }, &ASSURANCES) {
                    let entry = own.doors.entry(door.get_ref().to_string()).or_insert(level);
                    *entry = (*entry).max(level);
                }
            }
        }
    }

    pub(super) fn callers(&mut self, tables: &mut Tables, sets: &mut Sets, at: At<'_, 's>) {
        const KEYS: [&str; 7] = ["uid", "gid", "exe", "unit", "user_unit", "door", "socket"];
        const IDS: std::ops::Range<i64> = 0..1 << 32;
        let layer = self.layer(at.file);
        for (name, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let own = At { file: at.file, node };
            let Some(table) = self.table(own) else { continue };
            let mut def = CallerDef {
                name: Arc::from(&**name.get_ref()),
                uid: None,
                gid: None,
                exe: None,
                unit: None,
                user_unit: None,
                door: None,
                socket: None,
            };
            if table.is_empty() {
                self.error(at.file, name.span().start, format!("the caller `{}` has no field", name.get_ref()));
            }
            let ids = |v: Vec<i64>| v.into_iter().map(|n| n as u32).collect();
            for (key, node) in table.iter() {
                let at = At { file: at.file, node };
                let set = |cx: &mut Context<'s>, kind| -> Option<Patterns> {
                    let texts = cx.texts(at)?;
                    Some(Patterns::new(sets.compile(cx, at.file, kind, &texts)?))
                };
                match &**key.get_ref() {
                    "uid" => def.uid = self.numbers(at, IDS).map(ids),
                    "gid" => def.gid = self.numbers(at, IDS).map(ids),
                    "exe" => def.exe = set(self, Kind::File),
                    "unit" => def.unit = set(self, Kind::Text),
                    "user_unit" => def.user_unit = set(self, Kind::Text),
                    "door" => def.door = set(self, Kind::Text),
                    "socket" => def.socket = set(self, Kind::Text),
                    _ => self.unknown_key(at.file, key, &KEYS),
                }
            }
            let key = (layer, name.get_ref().to_string());
            if tables.callers.insert(key, Arc::new(def)).is_some() {
                self.error(at.file, name.span().start, format!("the caller `{}` is there twice", name.get_ref()));
            }
        }
    }

    /// The callers that `when.caller` names.
    pub(super) fn when_callers(&mut self, tables: &Tables, at: At<'_, 's>, strict: bool) -> Vec<Arc<CallerDef>> {
        let layer = self.layer(at.file);
        let mut out = Vec::new();
        for (name, start) in self.texts(at).unwrap_or_default() {
            let Some(def) = tables.caller(layer, name) else {
                let known = tables.callers.keys().filter(|(l, _)| *l <= layer).map(|(_, n)| n.as_str());
                let hint = nearest(name, known).map(str::to_owned);
                self.error_hint(at.file, start, format!("there is no `[caller.{name}]` in this layer or above"), hint);
                continue;
            };
            if !strict && (def.exe.is_some() || def.user_unit.is_some()) && def.uid.is_none() {
                let message = format!(
                    "the caller `{name}` rests on `exe` or `user_unit`, which the same uid can forge; to allow something it must also name `uid`"
                );
                self.error(at.file, start, message);
            }
            out.push(def.clone());
        }
        out
    }
}
