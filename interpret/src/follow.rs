//! What is said after something was done: "a bit more", "and bluetooth too", "no". It only names what is meant; whether there is
//! anything to refer to, and whether a yes may be given in words, is not known here.

use super::automaton::{Automaton, Builder, Ends, Pieces};
use super::notation::{Fragments, Template, TemplateError};
use super::token::{Lexicon, Tokens};
use super::{Context, Interpreter, slot};

/// What a sentence adds to what was asked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowUp {
    /// An action that follows from the one before.
    Order {
        /// Its name.
        action: &'static str,
        /// Its payload.
        payload: Option<String>,
    },
    /// A yes to what waits.
    Yes,
    /// A no to what waits.
    No,
}

/// The sentences, compiled.
#[derive(Debug)]
pub(super) struct Follow {
    automaton: Automaton,
    means: Vec<&'static str>,
}

impl Follow {
    pub(super) fn new(
        sentences: &[&'static str],
        fragments: &Fragments,
        lexicon: &mut Lexicon,
    ) -> Result<Self, TemplateError> {
        let mut builder = Builder::new();
        let mut means = Vec::new();
        for source in sentences {
            let template = Template::parse(source, fragments)?;
            builder.add(&template.said, means.len() as u16, &mut |w| lexicon.symbol(w));
            means.push(template.payload.unwrap_or_default());
        }
        Ok(Self { automaton: builder.build(), means })
    }

    pub(super) fn bytes(&self) -> usize {
        self.automaton.bytes()
    }

    /// What is meant, with what its slot took; a name is that of an app or of a package, as `app` says.
    fn read(
        &self,
        pieces: &Pieces,
        tokens: &Tokens<'_>,
        from: usize,
        to: usize,
        app: bool,
    ) -> Option<(&'static str, String)> {
        let mut matches = Vec::new();
        self.automaton.matches(pieces, tokens, from, &Ends::new(&[to]), &mut matches);
        matches.iter().filter(|m| self.means[usize::from(m.template)] != if app { "packages" } else { "app" }).find_map(
            |m| {
                let value = match m.filled().first() {
                    None => String::new(),
                    Some(&(slot, from, to)) => {
                        slot::value(slot, tokens, from.into(), to.into(), &Context::default()).ok()?
                    }
                };
                Some((self.means[usize::from(m.template)], value))
            },
        )
    }
}

impl Interpreter {
    /// What this sentence adds to `last`, the action that was done before with its payload. Nothing when it adds nothing, or when
    /// there is nothing that it can be added to.
    pub fn follow_up(&self, text: &str, last: Option<(&'static str, Option<&str>)>) -> Option<FollowUp> {
        if text.len() > super::MAX_ORDER_BYTES {
            return None;
        }
        let tokens = Tokens::read(text, &self.lexicon);
        if tokens.more || tokens.shell || tokens.semicolon || tokens.quoted || tokens.asked {
            return None;
        }
        let around = self.surround.around(&self.pieces, &tokens, 0, tokens.list.len());
        let cuts = around.starts.iter().flat_map(|s| around.ends.iter().map(move |e| (*s, *e)));
        let app = last.is_some_and(|(action, _)| action == "open_app");
        let (means, value) =
            cuts.filter(|(s, e)| s < e).find_map(|(s, e)| self.follow.read(&self.pieces, &tokens, s, e, app))?;
        match means {
            "yes" => return Some(FollowUp::Yes),
            "no" => return Some(FollowUp::No),
            _ => {}
        }
        let (action, payload) = last?;
        let order = |action, payload| Some(FollowUp::Order { action, payload });
        let sign = payload.and_then(|p| p.chars().next()).filter(|c| ['+', '-'].contains(c));
        let on = action.ends_with("_on");
        match means {
            // After a level that was named, more is up.
            "more" | "less" if action == "set_volume" || action == "set_brightness" => {
                let adjust = if action == "set_volume" { "adjust_volume" } else { "adjust_brightness" };
                order(adjust, Some(if means == "more" { "+" } else { "-" }.to_owned()))
            }
            "more" if action.starts_with("adjust_") => order(action, Some(sign?.to_string())),
            "less" if action.starts_with("adjust_") => {
                order(action, Some(if sign? == '+' { "-" } else { "+" }.to_owned()))
            }
            "wifi" if action.starts_with("network_bluetooth_") => {
                order(if on { "network_wifi_on" } else { "network_wifi_off" }, None)
            }
            "bluetooth" if action.starts_with("network_wifi_") => {
                order(if on { "network_bluetooth_on" } else { "network_bluetooth_off" }, None)
            }
            "brightness" if action == "set_volume" => order("set_brightness", payload.map(str::to_owned)),
            "brightness" if action == "adjust_volume" => order("adjust_brightness", payload.map(str::to_owned)),
            "volume" if action == "set_brightness" => order("set_volume", payload.map(str::to_owned)),
            "volume" if action == "adjust_brightness" => order("adjust_volume", payload.map(str::to_owned)),
            "packages" if ["package_install", "package_remove"].contains(&action) => order(action, Some(value)),
            "app" if action == "open_app" => order(action, Some(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::interpreter;

    #[test]
    fn what_is_said_after_something_was_done_becomes_a_named_action() {
        let order =
            |action, payload: Option<&str>| Some(FollowUp::Order { action, payload: payload.map(str::to_owned) });
        for (text, last, expected) in [
            ("a bit more", ("adjust_volume", Some("+10")), order("adjust_volume", Some("+"))),
            ("some more please", ("adjust_brightness", Some("-5")), order("adjust_brightness", Some("-"))),
            ("a little less", ("adjust_volume", Some("+10")), order("adjust_volume", Some("-"))),
            ("a bit more", ("set_volume", Some("40")), order("adjust_volume", Some("+"))),
            ("less", ("set_brightness", Some("40")), order("adjust_brightness", Some("-"))),
            ("and bluetooth too", ("network_wifi_off", None), order("network_bluetooth_off", None)),
            ("also the wifi, please", ("network_bluetooth_on", None), order("network_wifi_on", None)),
            ("same for the brightness", ("set_volume", Some("40")), order("set_brightness", Some("40"))),
            ("and the sound as well", ("adjust_brightness", Some("-10")), order("adjust_volume", Some("-10"))),
            ("and htop too", ("package_install", Some("vim")), order("package_install", Some("htop"))),
            ("also gimp", ("open_app", Some("firefox")), order("open_app", Some("gimp"))),
            ("yes please", ("ping", None), Some(FollowUp::Yes)),
            ("No!", ("ping", None), Some(FollowUp::No)),
            ("a bit more", ("power_sleep", None), None),
            ("and bluetooth too", ("set_volume", Some("40")), None),
            ("and htop too", ("open_url", None), None),
            ("yes, reboot", ("ping", None), None),
            ("is that a yes?", ("ping", None), None),
            ("the weather is nice", ("adjust_volume", Some("+")), None),
        ] {
            assert_eq!(interpreter().follow_up(text, Some(last)), expected, "{text}");
        }
        assert_eq!(interpreter().follow_up("a bit more", None), None);
    }
}
