//! Sound: PipeWire with a null sink; `wpctl` and `pactl` read back.

use serde_json::{Value, json};

use crate::bed::{Machine, receipt, refuses, says};

/// What WirePlumber says of the default output, such as `0.40` or `0.40 [MUTED]`.
fn heard(machine: &Machine) -> String {
    machine.user(&["wpctl", "get-volume", "@DEFAULT_AUDIO_SINK@"]).replace("Volume: ", "")
}

#[test]
fn the_volume_is_what_was_said_and_comes_back() {
    let Some(machine) = Machine::boot("the_volume_is_what_was_said_and_comes_back") else { return };
    assert_eq!(heard(&machine), "1.00");
    machine.steward(&["do", "set", "the", "volume", "to", "40", "percent"]).with(0);
    assert_eq!(heard(&machine), "0.40");
    assert!(machine.user(&["pactl", "get-sink-volume", "@DEFAULT_SINK@"]).contains(" 40%"));

    let mut socket = machine.connect();
    let told = [
        ("adjust_volume", json!("+10"), "0.50"),
        ("volume_mute", Value::Null, "0.50 [MUTED]"),
        ("volume_unmute", Value::Null, "0.50"),
        ("adjust_volume", json!("-20"), "0.30"),
        ("set_volume", json!("95"), "0.95"),
        // Never over the top, whatever is asked.
        ("adjust_volume", json!("+10"), "1.00"),
    ];
    let mut back = vec![("0.40", String::new())];
    for (name, payload, then) in told {
        let answer = socket.ask(&json!({ "version": 1, "name": name, "payload": payload }));
        assert_eq!((answer["status"].as_str(), heard(&machine).as_str()), (Some("ok"), then), "{answer}");
        back.last_mut().unwrap().1 = receipt(&answer);
        back.push((then, String::new()));
    }
    for payload in ["101", "-1", "loud", "+10"] {
        refuses(&socket.call("set_volume", payload), "invalid_payload", "invalid volume percentage");
    }
    assert_eq!(heard(&machine), "1.00");

    back.pop();
    for (before, receipt) in back.iter().rev() {
        machine.undo(receipt);
        assert_eq!(heard(&machine), *before);
    }
}

#[test]
fn a_sound_server_that_restarted_is_found_again() {
    let Some(machine) = Machine::boot("a_sound_server_that_restarted_is_found_again") else { return };
    let mut socket = machine.connect();
    says(&socket.call("set_volume", "40"), "Volume set to 40 percent.");
    machine.user(&["systemctl", "--user", "restart", "pipewire", "pipewire-pulse", "wireplumber"]);
    machine.until("the output is back", |m| m.user(&["pactl", "get-default-sink"]) == "e2e-speaker");
    says(&socket.call("set_volume", "30"), "Volume set to 30 percent.");
    assert_eq!(heard(&machine), "0.30");

    let stop =
        ["systemctl", "--user", "stop", "pipewire-pulse.socket", "pipewire-pulse", "pipewire.socket", "pipewire"];
    machine.user(&stop);
    let answer = socket.call("set_volume", "20");
    assert_eq!((answer["status"].as_str(), answer["code"].as_str()), (Some("error"), Some("unavailable")), "{answer}");
    machine.steward(&["call", "set_volume", "20"]).with(5);
}
