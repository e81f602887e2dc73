//! A URL as a policy sees it, and patterns for hosts. It says nothing about what a name resolves to.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest URL that is looked at, in bytes.
pub const MAX_URL: usize = 2048;

/// A URL, parsed as the WHATWG URL Standard says and then held to stricter rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlFact {
    url: Url,
    host: Option<String>,
    private: bool,
}

/// Why a text is not taken as a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Longer than [`MAX_URL`].
    #[error("the URL is longer than {MAX_URL} bytes")]
    TooLong,
    /// White space, a control character, or a character that only changes how the text is shown.
    #[error("the URL has white space, a control character or an invisible character in it")]
    Character,
    /// A backslash, which browsers take for a slash and other programs do not.
    #[error("the URL has a backslash in it")]
    Backslash,
    /// A user name or a password before the host.
    #[error("the URL has a user name or a password in it")]
    Credentials,
    /// A scheme that needs a host and has none.
    #[error("the URL has no host")]
    NoHost,
    /// What is written out of it is another URL when it is read again: `a:/x//..//user@host`.
    #[error("the URL means something else when it is read again")]
    Unstable,
    /// Not a URL.
    #[error("this is not a URL: {0}")]
    Syntax(String),
}

impl UrlFact {
    /// Parses `text`. Refused are URLs that two programs could read differently: with credentials, backslashes, white
    /// space, control or bidirectional characters, without a host, or longer than [`MAX_URL`].
    pub fn parse(text: &str) -> Result<UrlFact, UrlError> {
        let fact = UrlFact::read(text)?;
        // What is handed on is the normalised text: it must be the same URL to whoever reads that.
        if UrlFact::read(fact.as_str()).as_ref() != Ok(&fact) {
            return Err(UrlError::Unstable);
        }
        Ok(fact)
    }

    fn read(text: &str) -> Result<UrlFact, UrlError> {
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        if text.chars().any(invisible) {
            return Err(UrlError::Character);
        }
        if text.contains('\\') {
            return Err(UrlError::Backslash);
        }
        let url = Url::parse(text).map_err(|e| UrlError::Syntax(e.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(UrlError::Credentials);
        }
        if url.as_str().len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        let host = match url.host() {
            None => None,
            Some(Host::Domain(name)) => Some(domain(name).ok_or(UrlError::NoHost)?),
            Some(Host::Ipv4(ip)) => Some(ip.to_string()),
            Some(Host::Ipv6(ip)) => Some(ip.to_string()),
        };
        if host.is_none() && (url.has_authority() || matches!(url.scheme(), "http" | "https" | "ws" | "wss" | "ftp")) {
            // `file:///x` has an empty host by design; it is no web address, so it may pass without one.
            if url.scheme() != "file" {
                return Err(UrlError::NoHost);
            }
        }
        let private = match url.host() {
            Some(Host::Ipv4(ip)) => private_v4(ip),
            Some(Host::Ipv6(ip)) => private_v6(ip),
            Some(Host::Domain(_)) => host.as_deref().is_some_and(private_name),
            None => false,
        };
        Ok(UrlFact { url, host, private })
    }

    /// The URL, normalised: this is the text to hand to whatever opens it.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host in lower case, as ASCII (punycode), without a trailing dot; an address in its usual spelling without
    /// brackets.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the host is literally private: a private, loopback, link-local, unique local, shared (RFC 6598) or
    /// mapped address in any spelling, `localhost`, a name under `.local .lan .internal .home.arpa`, or a name without a
    /// dot.
    pub fn private_ip(&self) -> bool {
        self.private
    }

    /// The port, the scheme's own when none is written.
    pub fn port(&self) -> Option<u16> {
        self.url.port_or_known_default()
    }
}

/// What stands between `//` and the next `/ ? #`.
fn authority(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("//") else { return "" };
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

fn invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Lower case, one trailing dot removed; `None` for an empty label.
fn domain(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    (!name.is_empty() && name.split('.').all(|label| !label.is_empty())).then_some(name)
}

fn private_name(name: &str) -> bool {
    const SUFFIXES: [&str; 5] = [".localhost", ".local", ".lan", ".internal", ".home.arpa"];
    !name.contains('.') || name == "home.arpa" || SUFFIXES.iter().any(|s| name.ends_with(s))
}

/// RFC 1918, RFC 1122 (`0.0.0.0/8`, `127.0.0.0/8`), RFC 3927, RFC 6598, broadcast.
fn private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || a == 0
        || (a == 100 && b & 0xc0 == 64)
}

/// RFC 4193, RFC 4291 (loopback, unspecified, link-local, mapped, compatible), RFC 3879 (site-local), and addresses that carry a private
/// IPv4 address: RFC 6052 (NAT64), RFC 3056 (6to4).
fn private_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let v4 = |hi: u16, lo: u16| Ipv4Addr::from((u32::from(hi) << 16) | u32::from(lo));
    if ip.is_loopback() || ip.is_unspecified() || s[0] & 0xfe00 == 0xfc00 || s[0] & 0xff80 == 0xfe80 {
        return true;
    }
    match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, hi, lo] | [0, 0, 0, 0, 0xffff, 0, hi, lo] => private_v4(v4(hi, lo)),
        [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => private_v4(v4(hi, lo)),
        [0x64, 0xff9b, 1, ..] => true,
        [0x2002, hi, lo, ..] => private_v4(v4(hi, lo)),
        _ => false,
    }
}

/// Checks one host pattern of a policy and gives it in the form in which hosts are compared. `*.example.com` stands for
/// every name below `example.com`; within a label `*` never crosses a dot. What follows the last `*` must be at least a
/// registrable domain, so that no pattern spans a public suffix such as `com` or `co.uk`.
pub(crate) fn host_pattern(text: &str) -> Result<String, String> {
    let Some(star) = text.rfind('*') else {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<Ipv6Addr>() {
            return Ok(ip.to_string());
        }
        return match Host::parse(text) {
            Ok(Host::Domain(name)) => domain(&name).ok_or_else(|| format!("`{text}` is not a host")),
            Ok(Host::Ipv4(ip)) => Ok(ip.to_string()),
            Ok(Host::Ipv6(ip)) => Ok(ip.to_string()),
            Err(_) => Err(format!("`{text}` is not a host")),
        };
    };
    let spans = || format!("the host pattern `{text}` would span a public suffix; write it as `*.example.com`");
    let dot = text[star..].find('.').ok_or_else(spans)? + star;
    let tail = match Host::parse(&text[dot + 1..]) {
        Ok(Host::Domain(name)) => domain(&name).ok_or_else(spans)?,
        _ => return Err(format!("`{text}` is not a host pattern")),
    };
    if public_suffix(&tail) == Some(tail.len()) {
        return Err(spans());
    }
    let head = text[..dot].to_ascii_lowercase();
    if !head.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'-' | b'.' | b'_')) {
        return Err(format!("`{text}` is not a host pattern"));
    }
    Ok(format!("{head}.{tail}"))
}

/// How many bytes of the end of `host`, in lower case, are a public suffix that the list knows (<https://publicsuffix.org>): 5 for
/// `example.co.uk`.
// The list is code, and a lot of it: it stands in the program once.
#[inline(never)]
pub fn public_suffix(host: &str) -> Option<usize> {
    psl::suffix(host.as_bytes()).filter(psl::Suffix::is_known).map(|s| s.as_bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_two_programs_could_read_differently_is_refused() {
        let rows = [
            ("http://good@evil", UrlError::Credentials),
            ("http://google.com:80@evil.com/", UrlError::Credentials),
            ("http://@evil.com/", UrlError::Credentials),
            ("https://evil.com\\.good.com/", UrlError::Backslash),
            ("https://evil.com/ x", UrlError::Character),
            ("https://evil.com/\u{202e}x", UrlError::Character),
            ("https://ev\til.com/", UrlError::Character),
            ("a:/O2K://..//e2<@", UrlError::Unstable),
        ];
        for (text, want) in rows {
            assert_eq!(UrlFact::parse(text), Err(want), "{text}");
        }
        assert!(UrlFact::parse("http://").is_err());
        assert!(UrlFact::parse("https://a..b/").is_err());
        assert_eq!(UrlFact::parse(&format!("https://a.de/{}", "x".repeat(2048))), Err(UrlError::TooLong));
    }

    #[test]
    fn the_host_ends_at_the_query_and_the_fragment_and_has_no_trailing_dot() {
        for (text, host) in [
            ("https://evil.com?.google.com", "evil.com"),
            ("https://evil.com#.google.com/", "evil.com"),
            ("https://EVIL.com./x", "evil.com"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
        ] {
            assert_eq!(UrlFact::parse(text).unwrap().host(), Some(host), "{text}");
        }
    }

    #[test]
    fn private_hosts_are_known_in_every_spelling() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://10.0.0.1/",
            "http://192.168.1.1:8080/",
            "http://172.16.0.1/",
            "http://169.254.169.254/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://localhost/",
            "http://localhost./",
            "http://printer/",
            "http://nas.local/",
            "http://x.lan/",
            "http://a.internal/",
            "http://router.home.arpa/",
            "http://127.0.0.1./",
            "http://a.localhost/",
        ] {
            assert!(UrlFact::parse(text).unwrap().private_ip(), "{text}");
        }
        for text in [
            "https://example.com/",
            "http://8.8.8.8/",
            "http://[2606:4700::1111]/",
            "http://100.128.0.1/",
            "http://172.32.0.1/",
        ] {
            assert!(!UrlFact::parse(text).unwrap().private_ip(), "{text}");
        }
    }

    #[test]
    fn a_host_pattern_never_spans_a_public_suffix() {
        for text in ["*", "*.com", "*.co.uk", "example.*", "exam*.com", "*.github.io", "a*"] {
            assert!(host_pattern(text).is_err(), "{text}");
        }
        for (text, want) in [
            ("*.Example.com", "*.example.com"),
            ("cdn*.example.co.uk", "cdn*.example.co.uk"),
            ("EXAMPLE.com.", "example.com"),
            ("[::1]", "::1"),
            ("*.corp.internal", "*.corp.internal"),
        ] {
            assert_eq!(host_pattern(text).as_deref(), Ok(want));
        }
    }
}
