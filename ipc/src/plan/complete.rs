//! Whether a document that comes in pieces has come to its end, without reading it again at each piece.

/// Follows the brackets and strings of one JSON document, byte by byte: linear, whatever the pieces are. It does not judge; what is
/// no JSON may be complete at any place, or never.
#[derive(Clone, Debug, Default)]
pub struct Completeness {
    seen: usize,
    depth: usize,
    begun: bool,
    in_string: bool,
    escaped: bool,
    end: Option<usize>,
}

impl Completeness {
    /// Looks at what is new in `document`, of which earlier calls saw the beginning. Gives the place behind the document's last
    /// bracket or quote, once that is there. A number or a word has no end of its own, so it is complete only with the stream.
    pub fn look(&mut self, document: &[u8]) -> Option<usize> {
        let mut at = self.seen;
        while self.end.is_none() && at < document.len() {
            if self.in_string && !self.escaped {
                // Strings are most of a long document.
                let rest = &document[at..];
                let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                    at = document.len();
                    break;
                };
                at += found;
            }
            let byte = document[at];
            at += 1;
            if self.escaped {
                self.escaped = false;
                continue;
            }
            match byte {
                b'\\' if self.in_string => self.escaped = true,
                b'"' => {
                    self.in_string = !self.in_string;
                    self.begun = true;
                    if !self.in_string && self.depth == 0 {
                        self.end = Some(at);
                    }
                }
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.depth += 1;
                    self.begun = true;
                }
                b'}' | b']' if self.depth <= 1 && self.begun => self.end = Some(at),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.seen = at;
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end(text: &[u8], piece: usize) -> Option<usize> {
        let mut complete = Completeness::default();
        let ends = (1..=text.len().div_ceil(piece)).map(|n| complete.look(&text[..(n * piece).min(text.len())]));
        ends.last().flatten()
    }

    #[test]
    fn a_document_ends_with_its_last_bracket_or_quote() {
        for (text, wanted) in [
            ("{}", Some(2)),
            (" {\"a\":[1,{\"b\":\"}]\\\"\"}]} x", Some(23)),
            ("[]]", Some(2)),
            ("\"a\\\"b\" ", Some(6)),
            ("{\"a\":1", None),
            ("{\"a", None),
            ("12", None),
            ("", None),
            ("{ not json", None),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(end(text.as_bytes(), piece), wanted, "{text} in pieces of {piece}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_serde_calls_complete_is_complete(text in "[\\[\\]{}\",:a1\\\\ ]{0,24}", piece in 1..5usize) {
            let mut stream = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
            if let Some(Ok(value)) = stream.next() && (value.is_array() || value.is_object() || value.is_string()) {
                prop_assert_eq!(end(text.as_bytes(), piece), Some(stream.byte_offset()));
            }
        }
    }
}
