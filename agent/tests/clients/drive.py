"""Drives the Python client: SCENARIO SOCKET. Fails at the first thing that is not so; says `connected` when it is."""

import os
import sys

sys.path.insert(0, os.environ["CLIENTS"] + "/python")
import steward_client as sc

scenario, path = sys.argv[1:]


def raises(kind, act):
    try:
        act()
    except kind:
        return
    raise AssertionError("%s was expected" % kind.__name__)


def everyday(steward):
    assert steward.request("ping")["message"] == "pong"
    for text in ["na\u00efve \"quoted\" \\ \t tab", "\U0001f600" * 2000]:
        held = steward.request("remember", text)
        assert held["status"] == "confirm" and held["message"] == "user confirmation required", held
        assert held["id"] == steward._last_id
        done = steward.confirm(held["confirmation_id"])
        assert (done["status"], done["action"]) == ("ok", "remember"), done
        assert steward.request("read_context")["data"]["notes"][-1]["text"] == text
        assert steward.confirm(held["confirmation_id"])["code"] == "confirmation_used"
        assert steward.result(held["confirmation_id"])["data"]["reply"]["status"] == "ok"
    no = steward.request("remember", "no")["confirmation_id"]
    with sc.Client(path) as other:  # the person says no while the requester waits
        assert other.reject(no, "not now")["status"] == "ok"
    ended = steward.wait_for(no, 90)["data"]
    assert (ended["state"], ended["note"]) == ("denied", "not now"), ended
    never = steward.request("remember", "never mind")["confirmation_id"]
    assert steward.cancel(never)["data"]["state"] == "cancelled"
    wrong = steward.request("set_volume", "101")
    assert (wrong["status"], wrong["code"], wrong["message"]) == ("error", "invalid_payload", "invalid volume percentage")
    assert steward.request("set_volum")["data"]["near"][0] == "set_volume"
    assert steward.request("explain", args={"text": "mute"})["data"]["action"] == "volume_mute"
    assert len(steward.request("get_capabilities", args={"details": True})["data"]["actions"]) > 30
    raises(ValueError, lambda: steward.request("remember", "x" * sc.MAX_LINE))
    assert steward.request("ping")["status"] == "ok"


if scenario == "nobody":
    raises(sc.Unreachable, lambda: sc.Client(path))
    os.environ["STEWARD_SOCKET"] = "desk=" + path
    assert sc.socket_paths() == [path]
    sys.exit()
with sc.Client(path) as steward:
    print("connected", flush=True)
    if scenario == "everyday":
        everyday(steward)
    elif scenario == "dies":
        raises(sc.Gone, lambda: steward.request("ping"))
        raises(sc.Gone, lambda: steward.request("ping"))
    elif scenario == "late":
        raises(sc.TimedOut, lambda: steward.request("ping", timeout=0.2))
        raises(sc.Gone, lambda: steward.request("ping"))
    elif scenario == "malformed":
        raises(sc.Malformed, lambda: steward.request("ping"))
    elif scenario == "long":
        assert steward.request("ping")["message"] == "\u00e9" * 600_000
    elif scenario == "events":
        for event in steward.events():
            print(event["event"], flush=True)
    elif scenario == "dropped":
        raises(sc.Dropped, lambda: list(steward.events()))
    else:
        raise AssertionError(scenario)
