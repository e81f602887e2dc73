//! Arguments with a meaning: what is checked once, at the edge.

use serde::{Deserialize, Serialize};

use crate::reply::Failure;

/// A whole number from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "i64", into = "i64")]
pub struct Percent(#[schemars(range(min = 0, max = 100))] u8);

impl Percent {
    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for Percent {
    type Error = String;

    fn try_from(n: i64) -> Result<Percent, String> {
        u8::try_from(n).ok().filter(|n| *n <= 100).map(Percent).ok_or_else(|| format!("{n} is not from 0 to 100"))
    }
}

impl From<Percent> for i64 {
    fn from(p: Percent) -> i64 {
        i64::from(p.0)
    }
}

impl std::str::FromStr for Percent {
    type Err = String;

    /// One to three digits without a sign and without leading zeros.
    fn from_str(s: &str) -> Result<Percent, String> {
        let digits = !s.is_empty() && s.len() <= 3 && s.bytes().all(|b| b.is_ascii_digit());
        if !digits || (s.len() > 1 && s.starts_with('0')) {
            return Err("expected a whole number from 0 to 100".to_owned());
        }
        Percent::try_from(s.parse::<i64>().map_err(|e| e.to_string())?)
    }
}

/// A step up or down, from -100 to +100 and not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "i64", into = "i64")]
pub struct StepBy(#[schemars(range(min = -100, max = 100))] i8);

impl StepBy {
    /// How much, with its sign.
    pub fn get(self) -> i8 {
        self.0
    }
}

impl TryFrom<i64> for StepBy {
    type Error = String;

    fn try_from(n: i64) -> Result<StepBy, String> {
        match i8::try_from(n) {
            Ok(n) if n != 0 && n.unsigned_abs() <= 100 => Ok(StepBy(n)),
            _ => Err(format!("{n} is not from -100 to +100 without 0")),
        }
    }
}

impl From<StepBy> for i64 {
    fn from(s: StepBy) -> i64 {
        i64::from(s.0)
    }
}

/// The step that is taken when none is said, in percent.
pub const DEFAULT_STEP: i64 = 10;

impl std::str::FromStr for StepBy {
    type Err = String;

    /// A sign, then one to three digits or nothing, which means [`DEFAULT_STEP`].
    fn from_str(s: &str) -> Result<StepBy, String> {
        let expected = || "expected a step such as `+10` or `-10`".to_owned();
        let (sign, digits) = match s.as_bytes().first() {
            Some(b'+') => (1, &s[1..]),
            Some(b'-') => (-1, &s[1..]),
            _ => return Err(expected()),
        };
        if digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(expected());
        }
        let n = if digits.is_empty() { DEFAULT_STEP } else { digits.parse::<i64>().map_err(|_| expected())? };
        StepBy::try_from(sign * n)
    }
}

/// Refuses a payload for an action that takes none. An empty one is the same as none.
///
/// # Errors
/// `invalid_payload`.
pub fn no_payload<T>(name: &str, payload: Option<&str>, action: T) -> Result<T, Failure> {
    match payload {
        None | Some("") => Ok(action),
        Some(_) => Err(Failure::invalid_payload(format!("`{name}` takes no payload; leave it out"))),
    }
}

/// `text` with control, bidirectional and other invisible characters shown as `<U+202E>`, cut to about `max` characters.
pub fn visible(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(4 * max));
    for (n, c) in text.chars().enumerate() {
        if n == max {
            out.push('…');
            break;
        }
        if is_hidden(c) {
            out.push_str(&format!("<U+{:04X}>", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character changes how others are shown, or is not shown itself: controls, the bidirectional controls of
/// UAX #9, zero-width characters, variation selectors, tags and line separators.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// `n` things, in words: `1 package`, `3 packages`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// A list as it is said: `vim`, `vim and curl`, `vim, curl and git`.
pub fn listed<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            format!("{} and {}", first.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "), last.as_ref())
        }
    }
}

/// A size as it is said: `20 kB`, `3.4 MB` (powers of 1000, as SI has it).
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_whole_numbers_from_0_to_100() {
        for good in ["0", "7", "40", "100"] {
            assert!(good.parse::<Percent>().is_ok(), "{good}");
        }
        for bad in ["", "101", "-1", "+40", "040", "40%", " 40", "4 0", "1e2", "٤٠", "999999999999999999999"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_step_has_a_sign() {
        for (text, n) in [("+10", 10), ("-5", -5), ("+", 10), ("-", -10), ("+100", 100)] {
            assert_eq!(text.parse::<StepBy>().map(StepBy::get), Ok(n), "{text}");
        }
        for bad in ["", "10", "+0", "+101", "--5", "+-5", "+1e1", "+ 5"] {
            assert!(bad.parse::<StepBy>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_invisible_is_shown() {
        assert_eq!(visible("a\u{202e}b\n", 10), "a<U+202E>b<U+000A>");
        assert_eq!(visible("abcdef", 3), "abc…");
    }
}
