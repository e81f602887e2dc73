//! Levels in percent: what a wish makes of the present value, and how that is said. The volume and the brightness share it; neither
//! reading nor setting stands here.

use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};

use super::Shown;
use super::types::{Percent, StepBy};
use crate::reply::{Failure, Outcome, Undo};

/// What is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// This value.
    To(Percent),
    /// So much more or less.
    By(StepBy),
}

/// From where to where. Nothing is ever set over 100 percent, though the present value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The present value.
    pub(super) from: u32,
    /// The value that is to be set; the present one when nothing is.
    pub(super) to: u32,
    /// Why it is not quite what was wished.
    edge: Option<Edge>,
}

/// Where a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// At 0.
    Lowest,
    /// At 100.
    Highest,
    /// Louder than 100 already, and asked for more: it is left there, because turning it down is not what was asked.
    Over,
    /// At the value nearest to what was wished, where there are few.
    Nearest,
}

impl Wish {
    /// What it makes of the present value.
    pub(super) fn from(self, now: u32) -> Move {
        match self {
            Wish::To(to) => Move { from: now, to: to.get().into(), edge: None },
            Wish::By(by) if by.get() > 0 && now > 100 => Move { from: now, to: now, edge: Some(Edge::Over) },
            Wish::By(by) => {
                let wanted = i64::from(now) + i64::from(by.get());
                let edge = match wanted {
                    ..0 => Some(Edge::Lowest),
                    101.. => Some(Edge::Highest),
                    _ => None,
                };
                // From 0 to 100, so it fits.
                Move { from: now, to: u32::try_from(wanted.clamp(0, 100)).unwrap_or(0), edge }
            }
        }
    }
}

impl Move {
    /// The same where not every value can be had: it ends at `percent`, the lowest that there is or another.
    pub(super) fn ends_at(self, percent: u32, lowest: bool) -> Move {
        let edge = match self.edge {
            _ if percent == self.to => self.edge,
            _ if lowest => Some(Edge::Lowest),
            _ => Some(Edge::Nearest),
        };
        Move { to: percent, edge, ..self }
    }

    /// The value to set; none when it is so already.
    pub(super) fn sets(self) -> Option<u8> {
        if self.from == self.to { None } else { u8::try_from(self.to).ok() }
    }

    /// The sentence for what was done, or for what was so already. `what` is `volume` or `brightness`.
    pub(super) fn says(self, what: &str) -> String {
        let Move { from, to, edge } = self;
        let mut name = what.to_owned();
        name[..1].make_ascii_uppercase();
        match (self.sets(), edge) {
            (_, Some(Edge::Over)) => {
                format!("The {what} is at {from} percent, and Steward does not go over 100; it is left as it is.")
            }
            (None, Some(Edge::Lowest)) => format!("The {what} is already at {to} percent, the lowest."),
            (None, Some(Edge::Highest)) => format!("The {what} is already at {to} percent, the highest."),
            (None, Some(Edge::Nearest)) => format!("The {what} is already at {to} percent, the nearest that there is."),
            (None, None) => format!("The {what} is already at {to} percent."),
            (Some(_), Some(Edge::Nearest)) => format!("{name} set to {to} percent, the nearest that there is."),
            (Some(_), Some(Edge::Lowest)) => format!("{name} set to {to} percent, the lowest."),
            (Some(_), Some(Edge::Highest)) if from <= 100 => format!("{name} set to {to} percent, the highest."),
            (Some(_), _) if from > 100 => {
                format!("{name} set to {to} percent; it was at {from}, over what Steward sets.")
            }
            (Some(_), _) => format!("{name} set to {to} percent."),
        }
    }

    /// What is changed: the level called `what` of `object`. An approval is bound to where it ends, not to where it begins.
    pub(super) fn effect(self, what: &str, object: &str) -> Effect {
        Effect {
            verb: "set".to_owned(),
            object: format!("{what} of {object}"),
            to: Some(format!("{} %", self.to)),
            ..Effect::default()
        }
    }

    /// What would happen, with what it is as a fact before the others.
    pub(super) fn shown(self, what: &str, object: &str, mut facts: Vec<Fact>) -> Shown {
        let Move { from, to, .. } = self;
        let summary = format!("Set {what} of {object} from {from} % to {to} %");
        let effects = vec![self.effect(what, object)];
        facts.insert(0, Fact { name: "now".to_owned(), value: format!("{from} %") });
        let already = self.sets().is_none().then(|| self.says(what));
        Shown { preview: Preview { summary, effects, facts, requester_text: None }, already, ..Shown::default() }
    }

    /// How it is put back: by `action`, to what it was, or to 100 where it was over that. `present` is the state that a value makes,
    /// as `Perform::present` tells it.
    pub(super) fn undo(self, action: &str, present: impl Fn(u32) -> Value) -> Undo {
        Undo {
            action: action.to_owned(),
            args: json!({ "percent": self.from.min(100) }),
            before: present(self.from),
            after: present(self.to),
            only: None,
            within: None,
        }
    }
}

/// Refuses when what would be done now is not what was shown.
///
/// # Errors
/// `confirmation_changed`.
pub(super) fn still(shown: Option<&Shown>, now: &Effect) -> Result<(), Failure> {
    match shown.and_then(|s| s.preview.effects.first()) {
        Some(effect) if effect != now => Err(Failure::new(
            Code::ConfirmationChanged,
            "it changed since it was looked at, so nothing was done; ask again to see what would happen now",
        )
        .with(json!({ "shown": effect, "now": now }))),
        _ => Ok(()),
    }
}

/// An outcome that changed nothing.
pub(super) fn unchanged(says: String, mut data: Value) -> Outcome {
    data["changed"] = json!(false);
    Outcome::says(says).with(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(n: i64) -> Wish {
        Wish::To(n.try_into().expect("a percentage"))
    }

    fn by(n: i64) -> Wish {
        Wish::By(n.try_into().expect("a step"))
    }

    #[test]
    fn a_wish_sets_what_it_says_within_its_ends_and_says_when_it_stops_there() {
        for (wish, now, sets, says) in [
            (to(40), 70, Some(40), "Volume set to 40 percent."),
            (to(40), 40, None, "The volume is already at 40 percent."),
            (to(100), 150, Some(100), "Volume set to 100 percent; it was at 150, over what Steward sets."),
            (to(0), 0, None, "The volume is already at 0 percent."),
            (by(10), 40, Some(50), "Volume set to 50 percent."),
            (by(10), 90, Some(100), "Volume set to 100 percent."),
            (by(10), 95, Some(100), "Volume set to 100 percent, the highest."),
            (by(10), 100, None, "The volume is already at 100 percent, the highest."),
            (by(-10), 5, Some(0), "Volume set to 0 percent, the lowest."),
            (by(-10), 0, None, "The volume is already at 0 percent, the lowest."),
            (by(10), 150, None, "The volume is at 150 percent, and Steward does not go over 100; it is left as it is."),
            (by(-10), 150, Some(100), "Volume set to 100 percent; it was at 150, over what Steward sets."),
            (by(-100), 150, Some(50), "Volume set to 50 percent; it was at 150, over what Steward sets."),
        ] {
            let made = wish.from(now);
            assert_eq!((made.sets(), made.says("volume").as_str()), (sets, says), "{wish:?} at {now}");
        }
    }

    #[test]
    fn no_wish_sets_more_than_100_or_goes_the_other_way() {
        let wishes = (0..=100).map(to).chain((-100..=100).filter(|n| *n != 0).map(by));
        for wish in wishes {
            for now in 0..=400 {
                let made = wish.from(now);
                assert!(made.sets().is_none_or(|n| n <= 100), "{wish:?} at {now}");
                if let Wish::By(step) = wish {
                    assert!(if step.get() > 0 { made.to >= now } else { made.to <= now }, "{wish:?} at {now}");
                }
            }
        }
    }

    #[test]
    fn what_is_shown_has_the_value_before_and_after_and_is_bound_to_the_one_after() {
        let made = to(40).from(70);
        let shown = made.shown("volume", "Built-in Audio", Vec::new());
        assert_eq!(shown.preview.summary, "Set volume of Built-in Audio from 70 % to 40 %");
        assert_eq!(shown.preview.facts, [Fact { name: "now".to_owned(), value: "70 %".to_owned() }]);
        assert!(shown.already.is_none());
        let same = |made: Move, object: &str| still(Some(&shown), &made.effect("volume", object)).map_err(|f| f.code);
        for now in [70, 71, 20, 40] {
            assert_eq!(same(to(40).from(now), "Built-in Audio"), Ok(()), "at {now}");
        }
        assert_eq!(same(made, "Headphones"), Err(Code::ConfirmationChanged));
        // A step ends elsewhere when it begins elsewhere.
        assert_eq!(same(by(-30).from(70), "Built-in Audio"), Ok(()));
        assert_eq!(same(by(-30).from(60), "Built-in Audio"), Err(Code::ConfirmationChanged));
        assert!(still(None, &made.effect("volume", "Built-in Audio")).is_ok());
    }
}
