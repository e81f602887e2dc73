//! Text to words: spans of the original bytes, a number for each known word, what class it is of, and what numbers it says.
//!
//! Lookup is on the lower-case form without apostrophes; the original stays reachable by span, so a note, a path or a URL keeps
//! its case and punctuation to the letter.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::automaton::Work;
use super::refuse;
use super::words::{self, Class, class};

/// Words that are looked at; an order is shorter, and only a note may be longer.
pub(super) const MAX_WORDS: usize = 96;

/// A word longer than this is a name or nonsense and is not looked up.
const MAX_WORD_BYTES: usize = 40;

/// A fast hash for short words that we ourselves wrote (FxHash's recipe); the table never grows from input.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct WordHasher(u64);

/// Builds [`WordHasher`]s.
pub(super) type FastHash = BuildHasherDefault<WordHasher>;

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((eight, more)) = rest.split_first_chunk::<8>() {
            self.write_u64(u64::from_le_bytes(*eight));
            rest = more;
        }
        // Most words are shorter: no copy of a length that is not known.
        if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            self.write_u64(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
        } else if !rest.is_empty() {
            self.write_u64(rest.iter().fold(rest.len() as u64, |n, b| n << 8 | u64::from(*b)));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// What is known of a word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// Its number in templates; 0 when no template says it.
    pub(super) symbol: u16,
    /// The classes of `words::class` that it is in.
    pub(super) class: Class,
}

/// All known words.
#[derive(Debug)]
pub(super) struct Lexicon {
    words: HashMap<&'static str, Known, FastHash>,
    symbols: u16,
    /// Number words of a language that is not English.
    numbers: HashMap<&'static str, i32, FastHash>,
}

impl Lexicon {
    /// The words of English and its classes; templates add theirs with [`Lexicon::symbol`].
    pub(super) fn english() -> Self {
        let mut lexicon = Self::software();
        for (class, list) in words::CLASSES {
            for word in list.split_ascii_whitespace() {
                lexicon.entry(word).class |= class;
            }
        }
        lexicon
    }

    /// The words of another language: names of software, and what its file has.
    pub(super) fn foreign(classes: &[(Class, &'static str)], numbers: &[(&'static str, i32)]) -> Self {
        let mut lexicon = Self::software();
        for (class, list) in classes {
            for word in list.split_whitespace() {
                lexicon.entry(word).class |= class;
            }
        }
        for (word, number) in numbers {
            lexicon.entry(word).class |= class::NUMBER;
            lexicon.numbers.insert(word, *number);
        }
        lexicon
    }

    fn software() -> Self {
        let words = HashMap::with_capacity_and_hasher(7168, FastHash::default());
        let mut lexicon = Self { words, symbols: 0, numbers: HashMap::default() };
        let double = words::CLASSES.iter().filter(|(class, _)| *class == class::DOUBLE_MEANING);
        for word in double.flat_map(|(_, list)| list.split_ascii_whitespace()) {
            lexicon.entry(word).class |= class::DOUBLE_MEANING;
        }
        for word in refuse::suspects() {
            lexicon.entry(word).class |= class::SUSPECT;
        }
        for line in words::SOFTWARE.lines() {
            lexicon.entry(line).class |= class::SOFTWARE;
        }
        for line in words::APP_NAMES.lines() {
            lexicon.entry(line).class |= class::APP_NAME;
        }
        lexicon
    }

    /// What a number word of this language counts for.
    pub(super) fn number(&self, word: &str) -> Option<i32> {
        if self.numbers.is_empty() { words::number_word(word) } else { self.numbers.get(word).copied() }
    }

    fn entry(&mut self, word: &'static str) -> &mut Known {
        self.words.entry(word).or_default()
    }

    /// The number of a literal word, new or known.
    pub(super) fn symbol(&mut self, word: &'static str) -> u16 {
        let next = self.symbols + 1;
        let known = self.entry(word);
        if known.symbol == 0 {
            known.symbol = next;
            self.symbols = next;
            return next;
        }
        known.symbol
    }

    /// How many words have a number; the greatest of them.
    pub(super) fn symbols(&self) -> u16 {
        self.symbols
    }

    /// What is known of a lower-case word.
    pub(super) fn get(&self, word: &str) -> Known {
        self.words.get(word).copied().unwrap_or_default()
    }

    /// Bytes that the table takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * (size_of::<(&str, Known)>() + 1)
    }
}

/// One word of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Where it is in the text, without the punctuation around it.
    pub(super) start: u32,
    /// Where it ends.
    pub(super) end: u32,
    /// Its number in templates, 0 if none says it.
    pub(super) symbol: u16,
    /// A comma, colon, semicolon, full stop or dash follows.
    pub(super) pause: bool,
    /// Its classes.
    pub(super) class: Class,
    /// The whole number that it writes in digits; `+` and `-` count.
    pub(super) number: Option<i32>,
}

impl Token {
    /// Whether it is in one of these classes.
    pub(super) fn is(&self, class: Class) -> bool {
        self.class & class != 0
    }
}

/// A text as words.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    pub(super) text: &'t str,
    pub(super) list: Vec<Token>,
    pub(super) lexicon: &'t Lexicon,
    /// Shell syntax or data syntax was seen.
    pub(super) shell: bool,
    /// A semicolon was seen behind a word.
    pub(super) semicolon: bool,
    /// Quotation marks were seen.
    pub(super) quoted: bool,
    /// It ends with a question mark.
    pub(super) asked: bool,
    /// Gratitude was offered for what follows.
    grateful: bool,
    /// There are more words than were looked at.
    pub(super) more: bool,
    /// Characters of letters outside ASCII, and all letters.
    pub(super) foreign_letters: u32,
    /// What the walks over it did so far.
    pub(super) work: Work,
}

impl<'t> Tokens<'t> {
    /// The words of a text, at most [`MAX_WORDS`] of them.
    pub(super) fn read(text: &'t str, lexicon: &'t Lexicon) -> Self {
        let mut tokens = Self {
            text,
            list: Vec::with_capacity(24),
            lexicon,
            shell: false,
            semicolon: false,
            quoted: false,
            asked: false,
            grateful: false,
            more: false,
            foreign_letters: 0,
            work: Work::default(),
        };
        let mut at = 0;
        let mut open_single_quote = false;
        while at < text.len() {
            let rest = &text[at..];
            let gap = rest.len() - rest.trim_start().len();
            let rest = &rest[gap..];
            if rest.is_empty() {
                break;
            }
            if tokens.list.len() >= MAX_WORDS {
                tokens.more = true;
                break;
            }
            let len = rest.find(char::is_whitespace).unwrap_or(rest.len());
            tokens.chunk(at + gap, &rest[..len], &mut open_single_quote);
            at += gap + len;
        }
        tokens.asked = text.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '?').ends_with('?');
        tokens
    }

    /// The text of one word, as written.
    pub(super) fn word(&self, i: usize) -> &'t str {
        let t = &self.list[i];
        &self.text[t.start as usize..t.end as usize]
    }

    /// The text from word `from` to the end of the word before `to`, as written.
    pub(super) fn span(&self, from: usize, to: usize) -> &'t str {
        match (self.list.get(from), self.list.get(to.wrapping_sub(1))) {
            (Some(a), Some(b)) if a.start <= b.end => &self.text[a.start as usize..b.end as usize],
            _ => "",
        }
    }

    /// Whether the word at `i` is this one, which is lower case and without apostrophes.
    #[inline(always)]
    pub(super) fn says(&self, i: usize, word: &str) -> bool {
        // Nearly always it is not, which the first letter and the length already tell.
        let Some(t) = self.list.get(i) else { return false };
        let first = self.text.as_bytes()[t.start as usize].to_ascii_lowercase();
        (word.as_bytes()[0] == first || !first.is_ascii_alphanumeric())
            && (t.end - t.start) as usize >= word.len()
            && self.says_all(i, word)
    }

    /// [`says`](Self::says), letter by letter.
    fn says_all(&self, i: usize, word: &str) -> bool {
        let said = self.word(i);
        said.len() == word.len() && said.eq_ignore_ascii_case(word)
            || said.len() > word.len()
                && said.chars().filter(|c| !matches!(c, '\'' | '’')).map(|c| c.to_ascii_lowercase()).eq(word.chars())
    }

    fn chunk(&mut self, start: usize, chunk: &'t str, open_single_quote: &mut bool) {
        // Nearly all words are written with letters alone.
        if chunk.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return self.push(start, chunk, false);
        }
        let address = looks_like_address(chunk);
        if !address {
            let bytes = chunk.as_bytes();
            // "Bash drives me mad; install zsh": written like a comma, which is looked at when it is known what is set aside.
            let bytes = match chunk.strip_suffix(';') {
                Some(word) if self.text[start + chunk.len()..].starts_with(' ') && !word.contains(';') => {
                    self.semicolon = true;
                    word.as_bytes()
                }
                _ => bytes,
            };
            self.shell |= bytes.iter().any(|b| b"|`;<>\\*{}".contains(b))
                || chunk.contains("&&")
                || chunk.contains("$(")
                || bytes.first() == Some(&b'$');
            self.quoted |= chunk.contains(['"', '“', '”', '„', '«', '»']);
            if bytes.first() == Some(&b'\'') || chunk.starts_with('‘') {
                *open_single_quote = true;
            }
            if *open_single_quote
                && chunk.len() > 1
                && chunk.trim_end_matches([',', '.', '?', '!']).ends_with(['\'', '’'])
            {
                self.quoted = true;
            }
        }
        let lead = chunk.len() - chunk.trim_start_matches(|c: char| "\"'“”„‘«([{,!?:;…*_¡¿".contains(c)).len();
        let core = chunk[lead..].trim_end_matches(|c: char| "\"'”’“»)]},.!?:;…*_".contains(c));
        let tail = &chunk[lead + core.len()..];
        let pause = tail.contains([',', ':', ';', '.', '!', '…', '?']);
        let start = start + lead;
        // "volume - 10" must not become "volume 10".
        let minus = core == "-" && self.text[start + 1..].trim_start().starts_with(|c: char| c.is_ascii_digit());
        if !minus && !core.contains(|c: char| c.is_alphanumeric()) && !matches!(core, "+" | "%" | "&" | "=" | "~" | "/")
        {
            if let Some(last) = self.list.last_mut() {
                last.pause |= pause || lead > 0 || core.starts_with(['-', '–', '—']);
            }
            return;
        }
        if !address && core.contains(',') && !core.split(',').all(|p| p.bytes().all(|b| b.is_ascii_digit())) {
            let mut at = start;
            for part in core.split(',') {
                if !part.is_empty() {
                    self.push(at, part, true);
                }
                at += part.len() + 1;
            }
            if let Some(last) = self.list.last_mut() {
                last.pause = pause;
            }
            return;
        }
        self.push(start, core, pause);
    }

    fn push(&mut self, start: usize, core: &'t str, pause: bool) {
        // "Volume +10".
        if let Some(figures) = core.strip_prefix('+').filter(|f| whole_number(f.trim_end_matches('%')).is_some()) {
            self.add(start, "+", self.lexicon.get("+"), false, None);
            self.push(start + 1, figures, pause);
            return;
        }
        if let Some(figures) = core.strip_suffix('%')
            && let Some(number) = whole_number(figures)
        {
            self.add(start, figures, Known { symbol: 0, class: class::NUMBER }, false, Some(number));
            let word = self.lexicon.get("percent");
            let percent = if word.class & class::PERCENT != 0 { word } else { self.lexicon.get("%") };
            self.add(start + figures.len(), "%", percent, pause, None);
            return;
        }
        if let Some(number) = whole_number(core) {
            let known = self.lexicon.get(core);
            self.add(start, core, Known { class: known.class | class::NUMBER, ..known }, pause, Some(number));
            return;
        }
        let mut lower = [0; MAX_WORD_BYTES];
        let mut owned = String::new();
        let mut len = 0;
        let mut ascii = core.len() <= MAX_WORD_BYTES;
        for b in core.bytes() {
            if !ascii {
                break;
            }
            match b {
                b'\'' => {}
                0..=127 => {
                    lower[len] = b.to_ascii_lowercase();
                    len += 1;
                }
                _ => ascii = false,
            }
        }
        let form: &str = if ascii {
            std::str::from_utf8(&lower[..len]).unwrap_or_default()
        } else {
            self.foreign_letters += core.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count() as u32;
            if core.len() <= 2 * MAX_WORD_BYTES {
                for c in core.chars() {
                    match c {
                        '\'' | '’' | 'ʼ' | '\u{feff}' | '\u{200b}' => {}
                        '\u{2010}' | '\u{2011}' | '\u{2012}' | '–' => owned.push('-'),
                        c => owned.extend(c.to_lowercase()),
                    }
                }
            }
            &owned
        };
        let mut known = self.lexicon.get(form);
        if known.symbol == 0 && known.class & class::SOFTWARE == 0 && form.contains('-') {
            let parts = form.split('-');
            if form.is_ascii()
                && core.is_ascii()
                && !core.contains('\'')
                && parts.clone().all(|p| words::number_word(p).is_some())
            {
                let mut at = start;
                for part in core.split('-') {
                    let known = self.lexicon.get(&part.to_ascii_lowercase());
                    self.add(at, part, known, pause, None);
                    at += part.len() + 1;
                }
                return;
            }
            let joined: String = parts.collect();
            let other = self.lexicon.get(&joined);
            if other.symbol != 0 {
                known = other;
            }
        }
        // "would you mind turning": the order that follows is in the -ing form.
        let ahead = || {
            let n = self.list.len();
            n >= 2 && self.says(n - 1, "with") && ["ahead", "proceed", "on"].iter().any(|w| self.says(n - 2, w))
        };
        if (self.list.last().is_some_and(|t| t.class & class::MIND != 0) || ahead())
            && let Some(base) = words::GERUNDS.iter().find(|(ing, _)| *ing == form)
        {
            known = self.lexicon.get(base.1);
        }
        // "I'd be grateful if you turned": it is in the past.
        let polite = || {
            self.grateful
                && self.list.len() >= 2
                && self.says(self.list.len() - 1, "you")
                && self.says(self.list.len() - 2, "if")
        };
        if polite()
            && let Some(base) = words::PASTS.iter().find(|(past, _)| *past == form)
        {
            known = self.lexicon.get(base.1);
        }
        // "My computer's stuck": the thing is the same with its "is".
        if let Some(base) = core.strip_suffix("'s").or_else(|| core.strip_suffix("’s")) {
            known.class |=
                self.lexicon.get(&base.to_lowercase()).class & (class::MACHINE | class::SOFTWARE | class::RADIO);
        }
        self.grateful |= known.class & class::GRATEFUL != 0;
        self.add(start, core, known, pause, None);
    }

    fn add(&mut self, start: usize, core: &str, known: Known, pause: bool, number: Option<i32>) {
        self.list.push(Token {
            start: start as u32,
            end: (start + core.len()) as u32,
            symbol: known.symbol,
            class: known.class,
            pause,
            number,
        });
    }
}

/// `40`, `+5`, `-10`; at most six figures.
fn whole_number(text: &str) -> Option<i32> {
    let figures = text.strip_prefix(['+', '-']).unwrap_or(text);
    if figures.is_empty() || figures.len() > 6 || !figures.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A URL by its scheme: its `&`, `;` and `*` are not shell syntax.
fn looks_like_address(chunk: &str) -> bool {
    chunk
        .find("://")
        .is_some_and(|at| at > 0 && chunk[..at].bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<String> {
        let lexicon = Lexicon::english();
        let tokens = Tokens::read(text, &lexicon);
        (0..tokens.list.len()).map(|i| tokens.word(i).to_owned()).collect()
    }

    #[test]
    fn words_keep_their_spans_and_lose_the_punctuation_around_them() {
        for (text, expected) in [
            ("Please, turn it up!", &["Please", "turn", "it", "up"][..]),
            ("volume: 40%.", &["volume", "40", "%"]),
            ("install vlc,mpv", &["install", "vlc", "mpv"]),
            ("forty-five", &["forty", "five"]),
            ("open https://Example.org/A?b=c,d", &["open", "https://Example.org/A?b=c,d"]),
            ("hush 🤫 now", &["hush", "now"]),
            ("install -oFoo", &["install", "-oFoo"]),
        ] {
            assert_eq!(forms(text), expected, "{text}");
        }
    }

    #[test]
    fn shell_syntax_and_quotes_are_seen_but_not_in_urls() {
        let lexicon = Lexicon::english();
        for (text, shell, quoted) in [
            ("install vim && reboot", true, false),
            ("install vim;reboot", true, false),
            ("install vim; reboot", false, false),
            ("open https://a.org/?a=1&b=2;c", false, false),
            ("say \"mute\"", false, true),
            ("he typed 'reboot' twice", false, true),
            ("don't open my friends' page", false, false),
        ] {
            let t = Tokens::read(text, &lexicon);
            assert_eq!((t.shell, t.quoted), (shell, quoted), "{text}");
            assert_eq!(t.semicolon, text.contains("; "), "{text}");
        }
    }
}
