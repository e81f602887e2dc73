//! A policy file of any bytes: loading ends in a policy or in errors that name a place, and what loads decides everything, the
//! same each time. The bytes before the first NUL are the file, those after it a package, an address and a path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_policy::{
    ActionInfo, Arg, ArgKind, Catalogue, Layer, OwnedStep, PathFact, Policy, Risk, Source, Staged, Step, UrlFact, import,
};

struct Actions;

impl Catalogue for Actions {
    fn names(&self) -> Vec<String> {
        ["package_install", "open_url", "list_files"].map(str::to_owned).to_vec()
    }

    fn action(&self, name: &str) -> Option<ActionInfo> {
        let (arg, kind) = match name {
            "package_install" => ("packages", ArgKind::List),
            "open_url" => ("url", ArgKind::Url),
            "list_files" => ("path", ArgKind::Path),
            _ => return None,
        };
        Some(ActionInfo { risk: Risk::Disruptive, args: vec![(arg.to_owned(), kind)], meta: false })
    }

    fn parse(&self, _text: &str) -> Result<Vec<OwnedStep>, String> {
        Err("no examples here".to_owned())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (file, request) = text.split_once('\0').unwrap_or((text, "vim"));
    if let Ok(toml) = import(file) {
        assert!(toml.contains("version = 1"));
    }
    let source = |layer, name: &str| Source { layer, name: name.to_owned(), text: file.to_owned() };
    let policy = match Policy::load(vec![source(Layer::Admin, "admin"), source(Layer::User, "user")], &Actions) {
        Ok(policy) => policy,
        Err(errors) => {
            assert!(errors.iter().all(|e| e.line > 0 && e.column > 0 && !e.message.is_empty()));
            return;
        }
    };
    let list = [request.to_owned(), "vim".to_owned()];
    let path = PathFact { path: request.to_owned(), ..PathFact::default() };
    let url = UrlFact::parse(request);
    let arg = |name, value| [(name, value)];
    let packages = arg("packages", Arg::List(&list));
    let paths = arg("path", Arg::Path(&path));
    let urls = arg("url", url.as_ref().map_or(Arg::Unknown, Arg::Url));
    let step = |action, args| Step { action, risk: Risk::Disruptive, args };
    let steps = [step("package_install", &packages[..]), step("list_files", &paths), step("open_url", &urls)];
    let staged = Staged::default();
    let whole = policy.decide(&steps, &staged);
    assert_eq!(whole, policy.decide(&steps, &staged));
    for one in steps {
        let alone = policy.decide(&[one], &staged);
        assert!(!alone.decision.stricter_than(whole.decision));
        assert_eq!(policy.explain(&[one], &staged).decision, alone.decision.name());
    }
    drop((policy.check(), policy.coverage()));
});
