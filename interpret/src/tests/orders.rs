//! Orders: what is said, and the action and payload that it must be.

use super::super::Reading;
use super::{HOME, read};

/// Action, then what is said for it with its payload.
type Said = (&'static str, &'static [(&'static str, Option<&'static str>)]);

const ORDERS: &[Said] = &[
    (
        "set_volume",
        &[
            ("set teh sound to 33", Some("33")),
            ("volume to 25 only", Some("25")),
            ("volume at 35", Some("35")),
            ("crank the sound to max", Some("100")),
            ("sound level 15 percent", Some("15")),
            ("set my speakers to fifty percent", Some("50")),
            ("hey can you drop the volume to ten", Some("10")),
            ("bring the audio down to a quarter", Some("25")),
            ("half volume please", Some("50")),
            ("I'd like the volume at sixty five percent", Some("65")),
            ("turn it down to 20", Some("20")),
            ("max volume", Some("100")),
            ("set the volume of the speakers to 30", Some("30")),
            ("set the computer volume to 22", Some("22")),
            ("volume level to 8", Some("8")),
            ("turn the volume to max please", Some("100")),
            ("put sound on 50%", Some("50")),
            ("Please, set the volume to 40%.", Some("40")),
            ("set volume to forty-five", Some("45")),
            ("set volum to 40", Some("40")),
        ],
    ),
    (
        "adjust_volume",
        &[
            ("turn it down please my daughter is asleep", Some("-")),
            ("make the sound little less", Some("-")),
            ("make the song on this laptop louder", Some("+")),
            ("whack up the sound", Some("+")),
            ("louder please", Some("+")),
            ("it's too quiet, turn it up", Some("+")),
            ("volume up by 20", Some("+20")),
            ("turn the volume down a little bit", Some("-")),
            ("could you make it a bit quieter", Some("-")),
            ("can you turn it up a notch", Some("+")),
            ("decrease the volume by twenty percent", Some("-20")),
            ("I can't hear anything, turn it up please", Some("+")),
            ("quieter", Some("-")),
            ("turn down the music", Some("-")),
            ("the music is too loud, turn it down", Some("-")),
            ("pump up the volume", Some("+")),
            ("lower the sound a bit", Some("-")),
            ("volume down 15", Some("-15")),
            ("would you mind turning the volume down", Some("-")),
            ("please raise the volume some more", Some("+")),
            ("increase sound by 10 percent", Some("+10")),
            ("give me more volume", Some("+")),
            ("it would be great if you could lower the volume", Some("-")),
            ("turn it down because the baby is sleeping", Some("-")),
        ],
    ),
    (
        "volume_mute",
        &[
            ("mute", None),
            ("mute the sound", None),
            ("turn off the sound please", None),
            ("kill the audio", None),
            ("shut the sound off", None),
            ("mute my laptop", None),
            ("silence", None),
            ("audio off", None),
            ("mute the speakers now", None),
            ("😀 mute please", None),
        ],
    ),
    (
        "volume_unmute",
        &[
            ("unmute", None),
            ("turn the audio back on", None),
            ("unmute the speakers", None),
            ("turn off mute", None),
            ("give me my sound back", None),
            ("sound on", None),
        ],
    ),
    (
        "set_brightness",
        &[
            ("brightness 50", Some("50")),
            ("set the screen to 80 percent", Some("80")),
            ("dim the screen to 30 percent", Some("30")),
            ("full brightness", Some("100")),
            ("lower brightness to fifteen percent", Some("15")),
            ("set display brightness at half", Some("50")),
            ("turn brightness all the way up", Some("100")),
            ("make the screen 40 percent bright", Some("40")),
            ("max out the brightness", Some("100")),
            ("monitor brightness to 90", Some("90")),
        ],
    ),
    (
        "adjust_brightness",
        &[
            ("make the monitor a bit dim", Some("-")),
            ("turn down the brightness", Some("-")),
            ("the screen is too bright, dim it", Some("-")),
            ("increase the brightness by 10", Some("+10")),
            ("brighter", Some("+")),
            ("can you make the display a little darker", Some("-")),
            ("turn up the screen brightness a bit", Some("+")),
            ("reduce the brightness by five", Some("-5")),
            ("it's too dark, make the screen brighter", Some("+")),
        ],
    ),
    (
        "network_wifi_on",
        &[
            ("turn wi-fi on", None),
            ("enable wi fi", None),
            ("wifi on please", None),
            ("could you switch the wireless on", None),
            ("connect the wifi", None),
            ("activate wlan", None),
        ],
    ),
    (
        "network_wifi_off",
        &[
            ("off the wifi please", None),
            ("wifi off", None),
            ("kill the wifi", None),
            ("disconnect wifi", None),
            ("turn off the wifi connection", None),
            ("shut off wireless", None),
            ("deactivate wi-fi please", None),
            ("hey steward, could you please turn off the wifi? thanks!", None),
            ("trun off the wifi", None),
        ],
    ),
    (
        "network_bluetooth_on",
        &[
            ("bluetooth on", None),
            ("switch blue tooth on", None),
            ("activate bluetooth", None),
            ("can you enable bluetooth for me", None),
        ],
    ),
    (
        "network_bluetooth_off",
        &[("bluetooth off", None), ("disable bluetooth connection", None), ("please shut bluetooth off", None)],
    ),
    (
        "power_reboot",
        &[
            ("everything's frozen, restart the laptop", None),
            ("reboot", None),
            ("restart", None),
            ("restart this computer please", None),
            ("I need you to reboot the machine", None),
            ("do a reboot", None),
            ("reboot the laptop right now", None),
            ("please perform a restart", None),
            ("could you restart my laptop", None),
            ("um, restart the pc please", None),
        ],
    ),
    (
        "power_shutdown",
        &[
            ("shut down", None),
            ("turn off the computer", None),
            ("shut the pc down please", None),
            ("switch off my laptop", None),
            ("power down the machine", None),
            ("I'm done for today, shut down the computer", None),
            ("turn this computer off", None),
            ("shut off the machine", None),
            ("halt the system", None),
            ("shut down, thanks", None),
            ("good night, shut down the computer", None),
            ("shutdwon", None),
        ],
    ),
    (
        "power_sleep",
        &[
            ("suspend", None),
            ("put the computer to sleep", None),
            ("sleep mode please", None),
            ("put my laptop into sleep mode", None),
            ("suspend the laptop", None),
            ("send the pc to sleep", None),
        ],
    ),
    (
        "session_lock",
        &[
            ("lock my screen", None),
            ("lock the computer", None),
            ("please lock this session", None),
            ("lock the desktop", None),
        ],
    ),
    (
        "package_install",
        &[
            ("install htop", Some("htop")),
            ("install git, curl and wget", Some("git,curl,wget")),
            ("can you install vim for me", Some("vim")),
            ("please install the blender app", Some("blender")),
            ("I'd like you to install gimp", Some("gimp")),
            ("download and install steam", Some("steam")),
            ("set up docker on this computer", Some("docker")),
            ("get me vlc", Some("vlc")),
            ("I need git", Some("git")),
            ("install google chrome", Some("google chrome")),
            ("apt install tmux", Some("tmux")),
            ("add htop and tmux to my system", Some("htop,tmux")),
            ("install ripgrep & fd-find", Some("ripgrep,fd-find")),
            ("Install Firefox and VLC please", Some("firefox,vlc")),
            ("put gimp on this laptop", Some("gimp")),
            ("install zorkfrob", Some("zorkfrob")),
            ("install the packages nginx and redis", Some("nginx,redis")),
            ("instal vim", Some("vim")),
        ],
    ),
    (
        "package_remove",
        &[
            ("remove the vlc package", Some("vlc")),
            ("get rid of thunderbird", Some("thunderbird")),
            ("delete gimp from this machine", Some("gimp")),
            ("purge nginx", Some("nginx")),
            ("please uninstall libreoffice and thunderbird", Some("libreoffice,thunderbird")),
            ("can you remove steam", Some("steam")),
            ("take gimp off this computer", Some("gimp")),
            ("uninstall the discord app", Some("discord")),
            ("I want slack uninstalled", Some("slack")),
        ],
    ),
    (
        "package_search",
        &[
            ("search for a package called htop", Some("htop")),
            ("apt search editor", Some("editor")),
            ("find a package for pdf editing", Some("pdf editing")),
            ("search packages for terminal emulator", Some("terminal emulator")),
        ],
    ),
    (
        "system_update",
        &[
            ("update", Some("stable")),
            ("update everything", Some("stable")),
            ("run a system update", Some("stable")),
            ("install all available updates", Some("stable")),
            ("upgrade the system please", Some("stable")),
            ("bring the system up to date", Some("stable")),
            ("update all packages", Some("stable")),
            ("apply updates", Some("stable")),
            ("apply all security updates", Some("stable")),
            ("update my computer", Some("stable")),
            ("update and upgrade the system", Some("stable")),
            ("get the latest updates", Some("stable")),
            ("upgrade all the packages", Some("stable")),
        ],
    ),
    (
        "open_app",
        &[
            ("open libreoffice", Some("libreoffice")),
            ("launch gimp please", Some("gimp")),
            ("start the calculator", Some("calculator")),
            ("run steam", Some("steam")),
            ("open up the file manager", Some("file manager")),
            ("can you open spotify for me", Some("spotify")),
            ("I'd like to open thunderbird", Some("thunderbird")),
            ("open the settings", Some("settings")),
            ("fire up obs", Some("obs")),
            ("switch to firefox", Some("firefox")),
            ("show me the calendar app", Some("calendar")),
            ("open visual studio code", Some("visual studio code")),
            ("start up blender", Some("blender")),
            ("open my email client", Some("email client")),
            ("bring up a terminal", Some("terminal")),
            ("open system monitor", Some("system monitor")),
            ("open zorkfrob", Some("zorkfrob")),
            ("okay now open firefox", Some("firefox")),
            ("take me to the settings", Some("settings")),
            ("lauch firefox", Some("firefox")),
        ],
    ),
    (
        "open_url",
        &[
            ("go to nhs.uk", Some("https://nhs.uk")),
            ("open https://example.com/Path?Q=CaseSensitive", Some("https://example.com/Path?Q=CaseSensitive")),
            ("visit wikipedia.org", Some("https://wikipedia.org")),
            ("go to github.com/torvalds/linux", Some("https://github.com/torvalds/linux")),
            ("open the website bbc.co.uk", Some("https://bbc.co.uk")),
            ("take me to news.ycombinator.com please", Some("https://news.ycombinator.com")),
            ("please open www.kernel.org", Some("https://www.kernel.org")),
            ("google how to install linux", Some("https://www.google.com/search?q=how+to+install+linux")),
            ("search for how to reboot a router", Some("https://www.google.com/search?q=how+to+reboot+a+router")),
            ("search the web for pizza near me", Some("https://www.google.com/search?q=pizza+near+me")),
            ("show me localhost:8080", Some("https://localhost:8080")),
            ("look up the capital of peru", Some("https://www.google.com/search?q=the+capital+of+peru")),
        ],
    ),
    (
        "list_files",
        &[
            ("what files are in documents", Some("/home/speaker/Documents")),
            ("list files in /etc", Some("/etc")),
            ("what's in my downloads folder", Some("/home/speaker/Downloads")),
            ("show me the files in my pictures folder", Some("/home/speaker/Pictures")),
            ("ls ~/Projects", Some("/home/speaker/Projects")),
            ("list my files", None),
            ("show files on the desktop", Some("/home/speaker/Desktop")),
            ("list the contents of /var/log", Some("/var/log")),
            ("show the files in my home directory", Some("/home/speaker")),
        ],
    ),
    (
        "remember",
        &[
            ("remember that MyPassword is Hunter2", Some("MyPassword is Hunter2")),
            ("note to self: buy milk", Some("buy milk")),
            ("make a note that the plumber comes on Tuesday", Some("the plumber comes on Tuesday")),
            ("remember my sister's birthday is in May", Some("my sister's birthday is in May")),
            ("keep in mind that I prefer tea", Some("I prefer tea")),
            ("don't forget that the wifi password is on the fridge", Some("the wifi password is on the fridge")),
            ("write down that the meter reads 4312", Some("the meter reads 4312")),
            ("please remember that I am allergic to nuts", Some("I am allergic to nuts")),
            ("note: call Ada at 5", Some("call Ada at 5")),
            ("remember that my name is Sam", Some("my name is Sam")),
            ("add a note: the car is parked on level 3", Some("the car is parked on level 3")),
        ],
    ),
    (
        "read_context",
        &[
            ("show me my notes", Some("default")),
            ("read my notes", Some("default")),
            ("what are my notes", Some("default")),
            ("what do you remember about the printer", Some("printer")),
            ("what do you know about me", Some("default")),
            ("list notes", Some("default")),
            ("do you remember anything", Some("default")),
        ],
    ),
    (
        "forget",
        &[
            ("forget the note about the printer", Some("printer")),
            ("delete my note about the wifi", Some("wifi")),
            ("remove my note about the printer", Some("printer")),
            ("forget what I said about coffee", Some("coffee")),
        ],
    ),
    (
        "system_status",
        &[
            ("system status", None),
            ("how much memory is free", None),
            ("battery level", None),
            ("what's my battery at", None),
            ("how much disk space is left", None),
            ("show system status", None),
            ("how is the system doing", None),
        ],
    ),
    (
        "network_status",
        &[
            ("am I online", None),
            ("network status", None),
            ("what network am I connected to", None),
            ("show network status", None),
            ("are we connected to the internet?", None),
        ],
    ),
    (
        "undo",
        &[
            ("undo", None),
            ("undo that", None),
            ("undo the last action", None),
            ("revert that", None),
            ("take that back", None),
        ],
    ),
    (
        "get_capabilities",
        &[
            ("list your capabilities", None),
            ("what are you able to do", None),
            ("what do you support", None),
            ("how can you help me", None),
        ],
    ),
    ("ping", &[("you there", None), ("are you awake", None), ("can you hear me", None)]),
    (
        "pending_list",
        &[
            ("what is pending", None),
            ("show pending requests", None),
            ("what's waiting for my approval", None),
            ("list pending confirmations", None),
        ],
    ),
];

#[test]
fn an_order_is_read_as_its_action_and_payload() {
    let mut failures = Vec::new();
    for (action, said) in ORDERS {
        for (text, payload) in *said {
            match read(text) {
                Reading::Order(order) if order.action == *action && order.payload.as_deref() == *payload => {}
                other => failures.push(format!("{text:?}: expected {action} {payload:?}, got {other:?}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_action_that_can_be_said_has_orders_in_the_table() {
    for set in super::phrases().iter().filter(|set| !set.templates.is_empty()) {
        assert!(ORDERS.iter().any(|(action, said)| *action == set.action && !said.is_empty()), "{}", set.action);
    }
}

#[test]
fn a_home_folder_with_a_slash_at_its_end_is_the_same_folder() {
    let with_slash = super::super::Context { home: Some("/home/speaker/"), ..Default::default() };
    let Reading::Order(order) = super::interpreter().read("list files in downloads", &with_slash) else { panic!() };
    assert_eq!(order.payload.unwrap(), format!("{HOME}/Downloads"));
}
