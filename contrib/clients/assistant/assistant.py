#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""An example of a desktop assistant over Steward: takes a sentence, asks the person where Steward wants a person asked, and
says what became of it. Copy it, with steward_client.py beside it, and put your voice or your window where `say` and `ask` are.

    assistant.py "install cowsay"        one sentence
    assistant.py                         a conversation; an empty line ends it

What an assistant must get right: a yes comes from the person and never from a model; what would happen is shown in
Steward's words, and only then whose words asked for it; everything but a clear yes is a no; and when the connection breaks
after a yes, it looks instead of asking again.
"""

import pathlib
import sys
import termios
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import steward_client  # noqa: E402

YES = {"y", "yes", "yes please", "do it"}


def plain(text):
    """Text that does nothing to a terminal: letters that steer it, or turn the direction of writing, are left out."""
    return "".join(c for c in str(text) if c == "\n" or c.isprintable())


def say(text, indent=""):
    """Here a voice would speak."""
    print(textwrap.indent(plain(text), indent), flush=True)


def ask(question):
    """Here a window would open. None when there is nobody to ask."""
    if sys.stdin.isatty():  # what was typed before a question is no answer to it
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    try:
        return input(plain(question) + " ").strip()
    except EOFError:
        return None


def show(preview, data, why):
    """What would happen: Steward's words first, the requester's second and as a quote."""
    say(preview.get("summary") or data.get("preview_error") or "It could not be found out what would happen.")
    for effect in preview.get("effects", []):
        words = [effect["verb"], effect["object"], effect.get("version")]
        words += ["%s %s" % (key, effect[key]) for key in ("from", "to") if effect.get(key)]
        say(" ".join(filter(None, words)), "  ")
    for fact in preview.get("facts", []):
        say("%s: %s" % (fact["name"], fact["value"]), "  ")
    if why:
        say("I ask because: " + why, "  ")
    if preview.get("requester_text"):
        say("Whoever asked for it wrote: \u201c%s\u201d" % preview["requester_text"], "  ")


def choose(question, choices):
    """One of a few, by its number; None for none of them."""
    for number, (words, _) in enumerate(choices, 1):
        say("%d: %s" % (number, words), "  ")
    said = ask(question)
    if said and said.isascii() and said.isdigit() and 1 <= int(said) <= len(choices):
        return choices[int(said) - 1][1]
    return None


class Assistant:
    def __init__(self):
        self.steward = steward_client.Client()
        details = self.steward.request("get_capabilities", args={"details": True})
        if (details.get("data") or {}).get("simulated"):
            say("This is a simulation: nothing on this machine is changed.")

    def order(self, name, payload):
        """Asks for something and sees it through to its end."""
        answer = self.steward.request(name, payload)
        if answer["status"] == "confirm":
            answer = self.held(answer["confirmation_id"], answer)
        if answer:
            self.tell(answer)

    def held(self, id, answer):
        """Asks the person about a held request, until it is settled."""
        while True:
            data = answer.get("data") or {}
            show(answer.get("preview") or {}, data, (answer.get("policy") or {}).get("why"))
            if "confirm" not in data.get("approvers", ["confirm"]):
                return self.approved_elsewhere(id, data)
            said = ask("Shall I do it? Yes or no:")
            if said is None:
                return self.steward.cancel(id)
            if said.lower().rstrip(".!") not in YES:
                return self.steward.reject(id)
            try:
                answer = self.steward.confirm(id)
            except steward_client.Gone:
                return self.look(id)
            data = answer.get("data") or {}
            if answer.get("code") != "confirmation_changed" or not data.get("confirmation_id"):
                return answer
            say(answer["message"])
            id = data["confirmation_id"]

    def approved_elsewhere(self, id, data):
        """Steward wants the yes from the person directly, not through us."""
        say(data.get("approve") or "Nobody can approve this here.")
        if not data.get("approvers"):
            return self.steward.cancel(id)
        try:
            say("I wait for that.")
            return self.ended(self.steward.wait_for(id, data.get("expires_in", 300)))
        except KeyboardInterrupt:
            self.steward = steward_client.Client()  # the other connection still waits
            return self.steward.cancel(id)

    def look(self, id):
        """The connection broke after a yes: what became of it?"""
        say("Steward went away. I look what became of it.")
        self.steward = steward_client.Client()
        return self.ended(self.steward.wait_for(id, 60))

    def ended(self, result):
        """The answer that a held request had in the end, or how it stands."""
        return (result.get("data") or {}).get("reply") or result

    def tell(self, answer):
        """Says an answer, and offers what can be done about it."""
        data = answer.get("data") or {}
        say(answer["message"] or "Done.")
        policy = answer.get("policy") or {}
        for line in filter(None, (policy.get("why"), policy.get("instead"))):
            if answer["status"] == "deny":
                say(line, "  ")
        near = data.get("near", []) if answer.get("code") == "not_understood" else []
        choices = [("say \u201c%s\u201d" % words, ("natural_language", words)) for words in near]
        for request in [*data.get("readings", []), *data.get("orders", [])]:
            words = " ".join(filter(None, (request["name"].replace("_", " "), request.get("payload"))))
            choices.append((words, (request["name"], request.get("payload"))))
        if answer.get("code") == "ambiguous":  # more than one note, of which one is to be forgotten
            choices += [(note["text"], (answer["action"], str(note["id"]))) for note in data.get("notes", [])]
        if choices:
            chosen = choose("Do you mean one of these? Its number, or nothing:", choices)
            if chosen:
                self.order(*chosen)
        elif data.get("receipt"):
            say("Say \u201cundo\u201d to put it back.")


def main():
    sentence = " ".join(sys.argv[1:])
    try:
        assistant = Assistant()
        if sentence:
            return assistant.order("natural_language", sentence)
        while True:
            sentence = ask("You:")
            if not sentence:
                return None
            try:
                assistant.order("natural_language", sentence)
            except (steward_client.Gone, steward_client.TimedOut) as error:
                say("I do not know what became of that: %s." % error)
                assistant = Assistant()
    except steward_client.Error as error:
        return "I cannot reach Steward: %s" % error
    except KeyboardInterrupt:
        return "Stopped. What was asked for and not answered still waits; `steward pending` lists it."


if __name__ == "__main__":
    sys.exit(main())
