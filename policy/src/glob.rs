//! Globs: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a character that is meant as itself. Linear in memory, at worst the
//! product of both lengths in time. In a glob with a separator `*` stays within a part, and `**` as a whole part spans any
//! number of parts.

/// One glob, split into parts at its separator (one part without a separator).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Glob {
    text: Box<str>,
    separator: Option<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// `**`: any number of parts.
    Any,
    /// The characters of one part.
    Of(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Token {
    Is(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Whether `text` has anything in it that makes it a glob.
    pub(crate) fn is_glob(text: &str) -> bool {
        text.bytes().any(|b| matches!(b, b'*' | b'?' | b'[' | b'\\'))
    }

    pub(crate) fn new(text: &str, separator: Option<u8>) -> Result<Glob, String> {
        let parts = match separator {
            None => vec![Part::Of(tokens(text)?)],
            Some(s) => text
                .split(s as char)
                .map(|part| if part == "**" { Ok(Part::Any) } else { tokens(part).map(Part::Of) })
                .collect::<Result<_, _>>()?,
        };
        Ok(Glob { text: text.into(), separator, parts })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        let Some(separator) = self.separator else {
            return matches!(&self.parts[0], Part::Of(tokens) if part(tokens, value));
        };
        let mut values = value.split(separator as char);
        let (mut i, mut back) = (0, None);
        loop {
            let rest = values.clone();
            match self.parts.get(i) {
                Some(Part::Any) => {
                    i += 1;
                    back = Some((i, rest));
                    continue;
                }
                Some(Part::Of(tokens)) => {
                    if let Some(v) = values.next() {
                        if part(tokens, v) {
                            i += 1;
                            continue;
                        }
                    } else {
                        return false;
                    }
                }
                None if rest.count() == 0 => return true,
                None => {}
            }
            // The last `**` takes one part more.
            let Some((after, from)) = &mut back else { return false };
            if from.next().is_none() {
                return false;
            }
            i = *after;
            values = from.clone();
        }
    }

    /// What every match begins with.
    pub(crate) fn prefix(&self) -> String {
        self.flat().map_while(|t| if let Token::Is(c) = t { Some(*c) } else { None }).collect()
    }

    /// What every match ends with; empty for a glob with a separator.
    pub(crate) fn suffix(&self) -> String {
        let mut end: Vec<char> = match self.parts.as_slice() {
            [Part::Of(tokens)] => {
                tokens.iter().rev().map_while(|t| if let Token::Is(c) = t { Some(*c) } else { None }).collect()
            }
            _ => Vec::new(),
        };
        end.reverse();
        end.into_iter().collect()
    }

    fn flat(&self) -> impl Iterator<Item = &Token> {
        let first = match self.parts.as_slice() {
            [Part::Of(tokens)] => tokens.as_slice(),
            _ => &[],
        };
        first.iter()
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '*' if out.last() == Some(&Token::Many) => continue,
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => Token::Is(chars.next().ok_or_else(|| format!("the glob `{text}` ends with a backslash"))?),
            '[' => class(text, &mut chars)?,
            c => Token::Is(c),
        });
    }
    Ok(out)
}

fn class(text: &str, chars: &mut std::str::Chars<'_>) -> Result<Token, String> {
    let open = || format!("the glob `{text}` has a `[` without its `]`");
    let mut ranges = Vec::new();
    let mut c = chars.next().ok_or_else(open)?;
    let negated = c == '!' || c == '^';
    if negated {
        c = chars.next().ok_or_else(open)?;
    }
    loop {
        if c == '\\' {
            c = chars.next().ok_or_else(open)?;
        }
        let mut next = chars.next().ok_or_else(open)?;
        let mut end = c;
        if next == '-' {
            next = chars.next().ok_or_else(open)?;
            if next == ']' {
                ranges.push(('-', '-'));
            } else {
                end = next;
                next = chars.next().ok_or_else(open)?;
            }
        }
        if end < c {
            return Err(format!("the range `{c}-{end}` in the glob `{text}` is the wrong way round"));
        }
        ranges.push((c, end));
        if next == ']' {
            return Ok(Token::Class { negated, ranges });
        }
        c = next;
    }
}

fn part(tokens: &[Token], value: &str) -> bool {
    let (mut t, mut rest) = (0, value.chars());
    let mut back: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        if tokens.get(t) == Some(&Token::Many) {
            t += 1;
            if t == tokens.len() {
                return true;
            }
            back = Some((t, rest.clone()));
            continue;
        }
        match (tokens.get(t), rest.clone().next()) {
            (None, None) => return true,
            (Some(token), Some(c)) if token.matches(c) => {
                t += 1;
                rest.next();
                continue;
            }
            (Some(_), None) => return false,
            _ => {}
        }
        let Some((after, from)) = &mut back else { return false };
        if from.next().is_none() {
            return false;
        }
        t = *after;
        rest = from.clone();
    }
}

impl Token {
    fn matches(&self, c: char) -> bool {
        match self {
            Token::Is(is) => *is == c,
            Token::One | Token::Many => true,
            Token::Class { negated, ranges } => ranges.iter().any(|(a, b)| (*a..=*b).contains(&c)) != *negated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_what_their_signs_say() {
        let rows = [
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*-dev", "libc6-dev", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[a-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b*", "xxaxxb", true),
            ("*a*b", "xxaxxbx", false),
            ("", "", true),
            ("*", "", true),
            ("é*", "éa", true),
        ];
        for (glob, value, want) in rows {
            assert_eq!(Glob::new(glob, None).unwrap().matches(value), want, "{glob} {value}");
        }
        assert!(Glob::new("[a", None).is_err() && Glob::new("a\\", None).is_err() && Glob::new("[b-a]", None).is_err());
    }

    #[test]
    fn two_stars_span_parts_of_a_path_and_one_does_not() {
        let rows = [
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**/c", "/a/c", true),
            ("/a/**/c", "/a/x/y/c", true),
            ("/a/**/c", "/a/x/y/d", false),
            ("**/.ssh/**", "/home/x/.ssh/id", true),
            ("/a/**", "/ab", false),
            ("/**/x/**/y", "/1/x/2/y", true),
            ("/a/**", "/a", true),
        ];
        for (glob, value, want) in rows {
            assert_eq!(Glob::new(glob, Some(b'/')).unwrap().matches(value), want, "{glob} {value}");
        }
    }
}
