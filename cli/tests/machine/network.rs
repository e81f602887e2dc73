//! Networks: NetworkManager with a cable and without Wi-Fi hardware, BlueZ without an adapter; `nmcli` reads back.

use serde_json::json;

use crate::bed::{Machine, refuses, says};

fn wifi(machine: &Machine) -> String {
    machine.user(&["nmcli", "radio", "wifi"])
}

#[test]
fn wifi_goes_off_and_on_and_back() {
    let Some(machine) = Machine::boot("wifi_goes_off_and_on_and_back") else { return };
    assert_eq!(wifi(&machine), "enabled");
    machine.steward(&["do", "turn", "off", "the", "wifi"]).with(0);
    assert_eq!(wifi(&machine), "disabled");
    let mut socket = machine.connect();
    says(&socket.ask(&json!({ "version": 1, "name": "network_wifi_off" })), "Wi-Fi is already off.");
    says(&socket.ask(&json!({ "version": 1, "name": "network_wifi_on" })), "Wi-Fi is on now.");
    assert_eq!(wifi(&machine), "enabled");
    machine.steward(&["undo"]).with(0);
    assert_eq!(wifi(&machine), "disabled");
    machine.steward(&["undo"]).with(0);
    assert_eq!(wifi(&machine), "enabled");

    let status = socket.ask(&json!({ "version": 1, "name": "network_status" }));
    assert!(status["message"].as_str().unwrap().contains("cable"), "{status}");
    machine.root(&["nmcli", "networking", "off"]);
    let status = socket.ask(&json!({ "version": 1, "name": "network_status" }));
    assert_eq!(status["data"]["networking"], false, "{status}");
}

#[test]
fn networkmanager_may_stop_and_come_back_between_two_requests() {
    let Some(machine) = Machine::boot("networkmanager_may_stop_and_come_back_between_two_requests") else { return };
    let mut socket = machine.connect();
    let off = json!({ "version": 1, "name": "network_wifi_off" });
    let on = json!({ "version": 1, "name": "network_wifi_on" });
    says(&socket.ask(&off), "Wi-Fi is off now.");
    machine.root(&["systemctl", "restart", "NetworkManager"]);
    says(&socket.ask(&on), "Wi-Fi is on now.");
    assert_eq!(wifi(&machine), "enabled");

    machine.root(&["systemctl", "stop", "NetworkManager"]);
    for request in [&off, &on, &json!({ "version": 1, "name": "network_status" })] {
        refuses(&socket.ask(request), "unavailable", "NetworkManager");
    }
    machine.steward(&["call", "network_wifi_on"]).with(5);
    let doctor = machine.steward(&["doctor"]);
    assert!(
        doctor.out.contains("NetworkManager: not there") || doctor.out.contains("NetworkManager is not running"),
        "{doctor:?}"
    );

    machine.root(&["systemctl", "start", "NetworkManager"]);
    machine.until("NetworkManager answers", |m| m.try_root(&["nmcli", "general"]).code == 0);
    says(&socket.ask(&off), "Wi-Fi is off now.");
    assert_eq!(wifi(&machine), "disabled");
}

#[test]
fn polkit_has_the_last_word_about_wifi() {
    let Some(machine) = Machine::boot("polkit_has_the_last_word_about_wifi") else { return };
    let mut socket = machine.connect();
    let off = json!({ "version": 1, "name": "network_wifi_off" });
    for (result, challenge) in [("NO", false), ("AUTH_ADMIN", true)] {
        machine.polkit(&format!(
            "polkit.addRule(function(a, s) {{ if (a.id.indexOf('org.freedesktop.NetworkManager.enable-disable-wifi') == 0) \
             return polkit.Result.{result}; }});"
        ));
        // NetworkManager keeps what polkit said until it is told that the rules changed.
        machine.until("polkit says it", |m| {
            m.user(&["nmcli", "-t", "-f", "PERMISSION,VALUE", "general", "permissions"])
                .contains(&format!("enable-disable-wifi:{}", if challenge { "auth" } else { "no" }))
        });
        let answer = socket.ask(&off);
        refuses(&answer, "not_authorized", "polkit");
        assert_eq!(answer["data"]["challenge"], challenge, "{answer}");
        assert_eq!(wifi(&machine), "enabled");
    }
    machine.steward(&["call", "network_wifi_off"]).with(5);
}

#[test]
fn without_an_adapter_bluetooth_says_what_is_missing() {
    let Some(machine) = Machine::boot("without_an_adapter_bluetooth_says_what_is_missing") else { return };
    for (name, words) in [("network_bluetooth_on", "on"), ("network_bluetooth_off", "off")] {
        let mut socket = machine.connect();
        refuses(&socket.ask(&json!({ "version": 1, "name": name })), "unavailable", "Bluetooth");
        machine.steward(&["do", "turn", words, "bluetooth"]).with(5);
    }
}
