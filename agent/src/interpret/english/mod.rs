//! English: the shared pieces of templates, and what surrounds an order. The templates stand beside their actions.

pub(super) mod surround;

/// Pieces that several templates share. `<the>` and `<here>` may be left out; the others may not.
pub(super) const FRAGMENTS: &[(&str, &str)] = &[
    ("the", "[the|my|this|that|your|our|this computers|the computers|the laptops|my computers|my laptops]"),
    (
        "machine",
        "computer|pc|machine|laptop|system|box|desktop|notebook|workstation|whole system|whole computer|whole machine|linux box",
    ),
    ("this machine", "(the|my|this|our|your|that) (<machine>|device|thing|whole thing) | <machine> | everything"),
    ("here", "[(on|to|onto|in|for) (this|the|my|our) (<machine>|device) | on here | here | locally]"),
    ("off here", "[(from|off|off of) (this|the|my|our) (<machine>|device) | from here | off here]"),
    (
        "wifi",
        "wifi | wi fi | wi-fi | wireless | wlan | wireless internet | wireless network | wireless networking | wifi network | wifi networking",
    ),
    ("radio", "[radio|connection|adapter|card|connectivity|network|networking|signal|chip|interface]"),
    ("bluetooth", "bluetooth | blue tooth | bt"),
    (
        "volume",
        "volume | sound | audio | sounds | speaker | speakers | (sound|audio|speaker|speakers|system|master|playback|output|computer|media) volume \
         | (sound|volume|audio) (level|output|setting|levels) \
         | volume of <the> (speakers|speaker|computer|pc|laptop|system|sound|audio|machine)",
    ),
    ("loud", "music | tunes | song | <volume>"),
    (
        "screen",
        "screen | display | monitor | panel | backlight | laptop screen | monitor screen | computer screen | display panel",
    ),
    (
        "brightness",
        "brightness | (screen|display|monitor|panel|backlight) brightness | brightness level | brightness of <the> <screen> \
         | (screen|display|monitor) brightness level | brightness setting | screen light | backlight level",
    ),
    (
        "bit",
        "[a bit | a little | a little bit | a tad | slightly | some | somewhat | a notch | one notch | a touch | a bit more | a lot | much | way | more | a couple of notches | a smidge | some more | just a bit | just a little | just a little bit | a little more | a little bit more | by a bit | by a little | by a notch | a few notches | even more | further | a wee bit]",
    ),
    (
        "to",
        "to | at | up to | down to | back to | to about | to around | to exactly | at about | to the number | to number | to level | on | all the way to | all the way up to | all the way down to | as | equal to",
    ),
    (
        "set",
        "set | change | adjust | put | turn | make | bring | take | move | get | switch | update | push | alter | fix | tune | modify | configure | reset | drive | shift",
    ),
    (
        "raise",
        "raise | increase | boost | crank | bump | up | amp | pump | lift | jack | push | hike | jack up | crank up | pump up | bump up | bring up | turn up | put up | move up | push up | ramp up | dial up | kick up | step up",
    ),
    (
        "lower",
        "lower | decrease | reduce | drop | diminish | lessen | tone down | turn down | bring down | put down | move down | take down | dial down | cut down | dial back | knock down | step down | pull down | drop down",
    ),
    (
        "open",
        "open | open up | launch | start | start up | run | fire up | bring up | pull up | boot up | load up | load | pop open | pop up | spin up | call up",
    ),
    (
        "get rid",
        "remove | uninstall | deinstall | un-install | get rid of | purge | unistall | throw out | throw away | rip out | wipe | kick out | dump | ditch | drop",
    ),
    (
        "updates",
        "[the|all|all the|any|all of the|my] [available|latest|newest|pending|new|outstanding|recent|latest available] \
         [software|system|security|package|os|security and bug fix] updates",
    ),
    (
        "all software",
        "[the|my|this|our|your|the whole|the entire|whole|entire] (<machine>|os|operating system|distro|distribution|debian|ubuntu|device|installation|packages|software|apps|programs|applications|computer software|system software|system packages|installed packages|installed software|installed apps|linux) \
         | (all|all the|all of the|all my|all of my|every) (packages|software|apps|programs|applications|installed packages|installed software|package|app|program|things) \
         | everything",
    ),
    (
        "off noun",
        "computer|pc|machine|laptop|system|box|notebook|workstation|whole system|whole computer|device|desktop computer|desktop pc",
    ),
    ("off machine", "(the|my|this|our|your) (<off noun>|thing|whole thing) | <off noun> | desktop | the desktop"),
    ("the sleeper", "(the|my|this|our|your) (<machine>|device|thing) | <machine>"),
];

/// All shared pieces: of the tables and of what surrounds an order.
pub(super) fn fragments() -> impl Iterator<Item = (&'static str, &'static str)> {
    [FRAGMENTS, surround::FRAGMENTS].into_iter().flatten().copied()
}
