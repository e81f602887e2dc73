# SPDX-License-Identifier: MIT OR Apache-2.0
"""A small client of Steward's home protocol (docs/ipc.md). Standard library only, Python 3.9 or newer; copy it.

    with steward_client.Client() as steward:
        answer = steward.request("remember", "my name is Sam")
        print(answer["status"], answer["message"])

One JSON object a line, one answer a line, in order. An answer is the object of the protocol as a dict; look at
`answer["status"]`: `ok`, `confirm` (held: ask the person, then `confirm`), `deny` or `error` (then `answer["code"]`).
An exception means that there is no answer.
"""

import json
import os
import socket
import time

MAX_LINE = 256 * 1024  # the longest request, in bytes
MAX_ANSWER = 16 * 1024 * 1024  # the longest answer that is read, in bytes
MAX_WAIT = 60  # the longest `wait` of `result`, in seconds


class Error(Exception):
    """There is no answer."""


class Unreachable(Error):
    """No agent listens there. Nothing was sent."""


class Gone(Error):
    """The agent went away before it answered. Whether it did what was asked is not known: connect again and look, with
    `result` for a confirmation, instead of asking again."""


class TimedOut(Error):
    """The answer did not come in time. What the agent began goes on; the connection is closed, so that a late answer is
    not taken for another's."""


class Malformed(Error):
    """What came is no answer of this protocol."""


class Dropped(Error):
    """Events were read too slowly. Subscribe again: the first item is the full state."""


def socket_paths():
    """Where to look: the socket that was named in STEWARD_SOCKET, else the user's, else the machine's."""
    named = os.environ.get("STEWARD_SOCKET")
    if named:  # PATH, or NAME=PATH as stewardd takes it
        name, equals, path = named.partition("=")
        return [path if equals and name and "/" not in name else named]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return ([runtime + "/steward/agent.sock"] if runtime else []) + ["/run/steward/agent.sock"]


class Client:
    """One connection. `timeout` is in seconds and holds for each answer; installing packages can take minutes."""

    def __init__(self, path=None, timeout=600):
        self.timeout = timeout
        self._rest = b""
        self._last_id = 0
        self._socket = None
        why = []
        for candidate in [path] if path else socket_paths():
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.settimeout(timeout)
                self._socket.connect(candidate)
                self.path = candidate
                return
            except OSError as error:
                why.append("%s: %s" % (candidate, error.strerror or error))
                self.close()
        raise Unreachable("no agent answers (%s); is stewardd running?" % "; ".join(why))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    def request(self, name, payload=None, args=None, timeout=None):
        """Asks, and gives the answer. Arguments are either `payload`, a string, or `args`, a dict."""
        self._last_id += 1
        asked = {"version": 1, "name": name, "id": self._last_id}
        if payload is not None:
            asked["payload"] = payload
        if args is not None:
            asked["args"] = args
        line = json.dumps(asked).encode()
        if len(line) > MAX_LINE:
            raise ValueError("the request has %d bytes; a line has at most %d" % (len(line), MAX_LINE))
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        self._send(line + b"\n", until)
        answer = self._read(until)
        if "status" not in answer or answer.get("id") not in (None, self._last_id):
            self.close()
            raise Malformed("an answer to something else: %r" % (answer,))
        return answer

    def confirm(self, id, timeout=None):
        """Does what was held, after the person said yes. The answer is that of the original action."""
        return self.request("confirm", id, timeout=timeout)

    def reject(self, id, note=None):
        """The person's no."""
        return self.request("reject", args={"id": id} if note is None else {"id": id, "note": note})

    def cancel(self, id):
        """Withdraws what was asked for."""
        return self.request("cancel", id)

    def result(self, id, wait=0):
        """How a held request stands: `data.state`, and `data.reply` when it ran. Waits at most `wait` seconds for the end."""
        wait = min(int(wait), MAX_WAIT)
        return self.request("result", args={"id": id, "wait": wait}, timeout=wait + 10)

    def wait_for(self, id, seconds):
        """As `result`, for longer than one request may wait."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            answer = self.result(id, max(0, left))
            state = (answer.get("data") or {}).get("state")
            if left <= 0 or answer["status"] != "ok" or state not in ("pending", "executing"):
                return answer

    def events(self):
        """First the full state, then every change, for as long as the agent runs. Needs a connection of its own."""
        answer = self.request("subscribe")
        if answer["status"] != "ok":
            raise Malformed(answer["message"])
        yield {"event": "state", "seq": 0, "data": answer["data"]}
        seen = 0
        while True:
            event = self._read(None)
            if event.get("event") == "dropped":
                raise Dropped(event["data"]["reason"])
            seen += 1
            if event.get("seq") != seen:
                raise Malformed("event %s came after %d" % (event.get("seq"), seen - 1))
            yield event
            if event["event"] == "agent_stopping":
                return

    def _wait_until(self, until):
        if self._socket is None:
            raise Gone("the connection is closed")
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise socket.timeout
        self._socket.settimeout(left)

    def _send(self, line, until):
        try:
            self._wait_until(until)
            self._socket.sendall(line)
        except socket.timeout:
            self.close()
            raise TimedOut("the agent does not read") from None
        except OSError:
            self.close()
            raise Gone("the agent went away before it read the request") from None

    def _read(self, until):
        try:
            while b"\n" not in self._rest:
                if len(self._rest) > MAX_ANSWER:
                    raise Malformed("an answer of more than %d bytes" % MAX_ANSWER)
                self._wait_until(until)
                piece = self._socket.recv(65536)
                if not piece:
                    raise Gone("the agent went away before it answered; whether it did it is not known")
                self._rest += piece
            line, _, self._rest = self._rest.partition(b"\n")
            answer = json.loads(line.decode())
            if not isinstance(answer, dict):
                raise ValueError("no object")
            return answer
        except socket.timeout:
            self.close()
            raise TimedOut("the agent did not answer in time; what it began goes on") from None
        except OSError as error:
            self.close()
            raise Gone("the connection broke: %s" % error) from None
        except ValueError as error:
            self.close()
            raise Malformed("the answer cannot be read: %s" % error) from None
        except Error:
            self.close()
            raise


if __name__ == "__main__":
    import sys

    if len(sys.argv) not in (2, 3):
        sys.exit("usage: steward_client.py ACTION [PAYLOAD]")
    try:
        with Client() as steward:
            print(json.dumps(steward.request(*sys.argv[1:]), ensure_ascii=False))
    except Error as error:
        sys.exit("steward_client: %s" % error)
