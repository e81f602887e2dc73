#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# A small client of Steward's home protocol (docs/ipc.md) in POSIX shell, with one connection for each request. It needs awk,
# timeout (coreutils) and one of socat, ncat or OpenBSD's nc: Debian has `socat` and `netcat-openbsd`, Fedora `socat` and
# `nmap-ncat`.
#
# As a command:
#
#     steward.sh ACTION [PAYLOAD]      prints the message; the exit status is that of `steward`, see steward_status
#     steward.sh events                prints the full state, then every change, until the agent stops
#
# As a library: `. ./steward.sh`, then
#
#     answer=$(steward_request remember 'my name is Sam')       one line of JSON
#     steward_get "$answer" status                              one value of it: `data.receipt`, `preview.effects.0.object`
#     steward_confirm ID · steward_reject ID [NOTE] · steward_cancel ID · steward_result ID [SECONDS]
#
# A request fails with 5 when no agent answers and nothing was sent, with 7 when it went away before it answered (it is not
# known whether it did it: look, do not ask again), with 8 when no answer came within STEWARD_TIMEOUT seconds (what it began
# goes on), and with 2 when the line is too long.

: "${STEWARD_TIMEOUT:=600}"

# The socket that was named, else the user's, else the machine's.
steward_socket() {
    case ${STEWARD_SOCKET-} in
        '') if [ -S "${XDG_RUNTIME_DIR-}/steward/agent.sock" ]; then
                printf '%s\n' "$XDG_RUNTIME_DIR/steward/agent.sock"
            else
                printf '%s\n' /run/steward/agent.sock
            fi ;;
        /* | .* | =*) printf '%s\n' "$STEWARD_SOCKET" ;;
        *=*) printf '%s\n' "${STEWARD_SOCKET#*=}" ;; # NAME=PATH, as stewardd takes it
        *) printf '%s\n' "$STEWARD_SOCKET" ;;
    esac
}

# Joins standard input and output with a socket. $1: the socket. $2: at the end of the input tell the agent, and wait this many
# seconds at the most for the rest of the answer; empty: keep the connection open until the agent ends it.
steward_connect() {
    if command -v socat >/dev/null 2>&1; then
        # In the folder, so that no letter of its path is read as an option of socat.
        cd "$(dirname "$1")" || return 5
        case $2 in
            '') socat -,ignoreeof "UNIX-CONNECT:$(basename "$1")" ;;
            *) timeout --foreground "$2" socat -t "$(($2 + 5))" - "UNIX-CONNECT:$(basename "$1")" ;;
        esac
    elif command -v ncat >/dev/null 2>&1; then
        case $2 in
            '') ncat --no-shutdown -U "$1" ;;
            *) timeout --foreground "$2" ncat -U "$1" ;;
        esac
    elif nc -h 2>&1 | grep -q OpenBSD; then
        case $2 in
            '') nc -U "$1" ;;
            *) timeout --foreground "$2" nc -N -U "$1" ;;
        esac
    else
        echo 'steward.sh: install socat (or ncat, or netcat-openbsd)' >&2
        return 5
    fi
}

# Sends one line and prints the answer to it.
steward_line() (
    if [ "$(printf '%s' "$1" | LC_ALL=C wc -c)" -gt 262144 ]; then
        echo 'steward.sh: the request is longer than 262144 bytes' >&2
        exit 2
    fi
    path=$(steward_socket)
    if ! why=$(steward_connect "$path" 5 </dev/null 2>&1); then
        echo "steward.sh: no agent answers at $path; is stewardd running? ($why)" >&2
        exit 5
    fi
    answer=$(printf '%s\n' "$1" | steward_connect "$path" "$STEWARD_TIMEOUT" 2>/dev/null && echo 0 || echo "$?")
    ended=${answer##*[!0-9]}
    answer=${answer%"$ended"}
    # A whole line ends with its newline; what has none was cut off.
    line=${answer%?}
    case $answer in
        '{'*'}
') printf '%s\n' "$line" ;;
        *) if [ "$ended" = 124 ]; then
               echo "steward.sh: no answer within $STEWARD_TIMEOUT seconds; what the agent began goes on" >&2
               exit 8
           fi
           echo 'steward.sh: the agent went away before it answered; whether it did it is not known' >&2
           exit 7 ;;
    esac
)

# An action with its payload, if it has one.
steward_request() {
    if [ "$(printf %s "${2-}" | LC_ALL=C wc -c)" -gt 262144 ]; then # more than a line can have, before the work of writing it
        echo 'steward.sh: the request is longer than 262144 bytes' >&2
        return 2
    fi
    if [ "$#" -gt 1 ]; then
        steward_line "{\"version\":1,\"name\":$(steward_quote "$1"),\"id\":\"$$\",\"payload\":$(steward_quote "$2")}"
    else
        steward_line "{\"version\":1,\"name\":$(steward_quote "$1"),\"id\":\"$$\"}"
    fi
}

# Does what was held, after the person said yes. The answer is that of the original action.
steward_confirm() { steward_request confirm "$1"; }

# The person's no.
steward_reject() {
    steward_line "{\"version\":1,\"name\":\"reject\",\"args\":{\"id\":$(steward_quote "$1"),\"note\":$(steward_quote "${2-}")}}"
}

# Withdraws what was asked for.
steward_cancel() { steward_request cancel "$1"; }

# How a held request stands; waits at most this many seconds, up to 60, for its end.
steward_result() {
    steward_line "{\"version\":1,\"name\":\"result\",\"args\":{\"id\":$(steward_quote "$1"),\"wait\":${2:-0}}}"
}

# The full state, then every change, one JSON object a line. Fails when the agent went away without saying so.
steward_events() {
    printf '{"version":1,"name":"subscribe"}\n' | steward_connect "$(steward_socket)" '' | awk '
        { print; fflush() }
        END { exit $0 ~ /"event":"agent_stopping"/ ? 0 : $0 ~ /"event":"dropped"/ ? 8 : NR ? 7 : 5 }'
}

# A string as JSON, with its quotes. Bytes beyond ASCII stay as they are: JSON is UTF-8.
steward_quote() {
    printf '%s.' "$1" | LC_ALL=C awk '
        BEGIN { for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i) }
        { text = text (NR > 1 ? "\n" : "") $0 }
        END {
            out = "\""
            last = length(text) - 1 # without the full stop from above
            for (p = 1; p <= last; p += n) {
                c = substr(text, p, last - p < 256 ? last - p + 1 : 256)
                n = match(c, /[\001-\037"\\]/) ? RSTART - 1 : length(c)
                out = out substr(c, 1, n)
                if (n == length(c)) continue
                c = substr(c, ++n, 1)
                out = out (c in code ? code[c] : "\\" c)
            }
            print out "\""
        }'
}

# One value of a line of JSON: $1 the line, $2 its path with dots. Objects and arrays come as JSON. A value is one line: control
# characters stay written as \n or \u001b, so that they do nothing to a terminal. Fails when there is none, or null.
steward_get() {
    printf '%s\n' "$1" | LC_ALL=C awk -v wanted="$2" '
        function blank() { while (p <= n && index(" \t\r", substr(s, p, 1))) p++ }
        function byte(b) { return sprintf("%c", b) }
        function utf8(u) {
            if (u < 128) return byte(u)
            if (u < 2048) return byte(192 + int(u / 64)) byte(128 + u % 64)
            if (u < 65536) return byte(224 + int(u / 4096)) byte(128 + int(u / 64) % 64) byte(128 + u % 64)
            return byte(240 + int(u / 262144)) byte(128 + int(u / 4096) % 64) byte(128 + int(u / 64) % 64) byte(128 + u % 64)
        }
        function hex(text,   i, u) {
            for (i = 1; i <= 4; i++) u = u * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
            return u
        }
        function escape(   c, u) {
            c = substr(s, ++p, 1)
            if (index("nrtbf", c)) return "\\" c
            if (c != "u") return c
            u = hex(substr(s, p + 1, 4)); p += 4
            if (u >= 55296 && u < 56320) { u = 9216 + (u - 55296) * 1024 + hex(substr(s, p + 3, 4)); p += 6 }
            return u < 32 || u == 127 ? sprintf("\\u%04x", u) : utf8(u)
        }
        function string(   c, out, i) {
            for (p++; p <= n; p++) {
                c = substr(s, p, 256)
                i = match(c, /["\\]/) ? RSTART : length(c) + 1
                out = out substr(c, 1, i - 1)
                p += i - 1
                c = substr(c, i, 1)
                if (c == "\"") { p++; return out }
                if (c == "\\") out = out escape(); else p--
            }
        }
        function value(path,   c, from, i, key, text) {
            blank(); from = p; c = substr(s, p, 1)
            if (c == "{" || c == "[") {
                for (p++; p <= n; ) {
                    blank()
                    if (index("}]", substr(s, p, 1))) break
                    if (c == "{") { key = string(); blank(); p++ } else key = i++ ""
                    value(path == "" ? key : path "." key)
                    blank()
                    if (substr(s, p, 1) == ",") p++
                }
                p++
                text = substr(s, from, p - from)
            } else if (c == "\"") {
                text = string()
            } else {
                while (p <= n && !index(",]}", substr(s, p, 1))) p++
                text = substr(s, from, p - from)
                if (text == "null") return
            }
            if (path == wanted && !found) {
                found = 1
                # What a terminal could take for an order, or shows in another order than it is written.
                gsub(/\302[\200-\237]|\342\200[\216\217\252-\256]|\342\201[\246-\251]|\177/, "?", text)
                print text
            }
        }
        NR == 1 { s = $0; n = length(s); p = 1; value("") }
        END { exit !found }'
}

# The exit status that `steward` has for an answer: 0 ok, 1 failed, 2 wrong request, 3 held, 4 denied, 5 unavailable or not
# authorized, 6 not understood, 7 outcome unknown, 8 timed out or overloaded.
steward_status() {
    case $(steward_get "$1" status)/$(steward_get "$1" code) in
        ok/*) return 0 ;;
        confirm/*) return 3 ;;
        deny/* | */confirmation_rejected) return 4 ;;
        */unavailable | */not_authorized | */approver_not_allowed) return 5 ;;
        */not_understood | */ambiguous) return 6 ;;
        */unknown_outcome) return 7 ;;
        */timed_out | */overloaded | */rate_limited) return 8 ;;
        */invalid_request | */request_too_large | */unknown_action | */invalid_payload) return 2 ;;
        *) return 1 ;;
    esac
}

steward_main() {
    case ${1-} in
        '' | -*) echo 'usage: steward.sh ACTION [PAYLOAD]' >&2; return 2 ;;
        events) steward_events; return ;;
    esac
    answer=$(steward_request "$@") || return
    if id=$(steward_get "$answer" confirmation_id); then
        steward_get "$answer" preview.summary
        steward_get "$answer" data.approve
        printf '%s\n' "$id"
    else
        steward_get "$answer" message
    fi
    steward_status "$answer"
}

case ${0##*/} in steward.sh) steward_main "$@" ;; esac
