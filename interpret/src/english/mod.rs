//! English: the shared pieces of templates, and what surrounds an order. The templates stand beside their actions.

pub(super) mod surround;

/// Pieces that several templates share. `<the>` and `<here>` may be left out; the others may not.
pub(super) const FRAGMENTS: &[(&str, &str)] = &[
    ("the", "[the|my|this|that|your|our|this computers|the computers|the laptops|my computers|my laptops]"),
    (
        "wish",
        "i want | i need | need | want | i fancy | fancy | id love to have | i would love to have | wanna have | i would like | id like | i d like | i wanna have | i want to have | i need to have |\
         id like to have \
         | i would like to have | id love | i would love | i d love | id prefer | i would prefer | we need | we want | wed like | i could use \
         | (can|could|may|might) (i|we) (have|get) | give me | give us | get us | gimme | get me | let me have | let me get | lets have | \
         lets get | id appreciate | lets go with | ill go with | i will go with | go with | lets try | lets do | (i am|im) (going to|\
         gonna) (need|want) | we are going to need | were going to need | (ill|i will) (need|be needing|take) | i am needing | (id|i \
         would) be happy with",
    ),
    (
        "move",
        "turn | bring | move | step | put | crank | bump | pump | dial | push | take | kick | knock | nudge | get | set | make | tone | drag | slide",
    ),
    (
        "turn",
        "turn | switch | flip | flick | toggle | power | put | get | have | make | set | bring | pop | knock | click | take | cut | shut | \
         kick | stick | throw | whack | fire | bump | lets have | lets get | lets turn",
    ),
    (
        "on",
        "on | back | back on | on again | up | up again | online | up and running | running | going | working | active | activated | \
         enabled | reenabled | alive | live | back online | \
         to life | back to life | on and working | back in action | started | started up | on right away | connected",
    ),
    (
        "off",
        "off | down | offline | off again | back off | out | disabled | deactivated | disconnected | gone | dead | stopped | killed | \
         inactive | to off | back down | cut | shut off | away",
    ),
    (
        "enable",
        "enable | activate | start | start up | restore | reenable | re-enable | reactivate | re-activate | bring up | bring back | bring \
         on | power up | engage | fire up | re enable | re activate | initiate \
         | power on | turn up | relaunch | resume | unblock | reconnect | wake up | wake | boot up | light up | get back | revive | put \
         back on | put back | bring to life | unkill | undisable",
    ),
    (
        "disable",
        "disable | deactivate | de-activate | stop | cut | kill | kill off | shut down | power down | bring down | disconnect | drop | \
         take down | block | cut off | suspend | disengage | power off | terminate | shut | end | close | inactivate \
         | halt | turn down | pull down | ditch | nix | lose | dump | axe | zap | get rid of | knock out | shut off | switch off | close \
         down | take off | pull | unplug | eliminate | knock off | turn away | quit",
    ),
    (
        "full",
        "[the|its] (max|maximum|highest|top|limit|loudest|brightest|ceiling|fullest) [level|setting|possible|volume|brightness|value] | \
         full [blast|whack|tilt|power|volume|brightness|level|strength|throttle] | its peak",
    ),
    (
        "all the way up",
        "[up] all the way [up] | all the way [up] to <full> | fully [up] | completely up | up (full|fully|completely|<full>) | [up] (to|\
         at|on) <full> | <full> \
         | [to be] as (high|loud|bright) as (possible|you can|you can make it|you can go|(it|they|the speakers|the screen) (goes|gets|can|\
         can go|can get|can be|will go|allows|go)) | [to] its (loudest|brightest|highest)",
    ),
    (
        "lowest",
        "[the|its] (minimum|min|lowest|bottom|quietest|least|dimmest|darkest|softest) [level|setting|possible|volume|brightness|value] | nothing",
    ),
    (
        "all the way down",
        "all the way down | down all the way | [all the way] [down] (to|at|on) <lowest> | <lowest> | [to be] as (low|quiet|dim|dark|soft) \
         as (possible|you can|you can make it|you can go|(it|they|the speakers|the screen) (goes|gets|can|can go|can get|can be|will go|\
         allows|go)) | fully down | completely down",
    ),
    (
        "half",
        "half | halfway | half way | midway | medium | mid | [the|a] (middle|half|midpoint|mid point|mid level|medium level|halfway|half \
         way) [mark|point|level] | half (volume|brightness|level|power|strength|blast) | middling | moderate | its half | medium (volume|\
         brightness)",
    ),
    (
        "turn it on",
        "(turn|switch|put|flip|get|power) it [back] on [again] | (turn|switch|flip) [back] on it | enable it | activate it | start it | \
         bring it back [up|on] | fire it up | reenable it | reactivate it",
    ),
    (
        "turn it off",
        "(turn|switch|shut|flip|power|put|take|knock|cut) it [back] (off|down) [again] | disable it | kill it | deactivate it | stop it | \
         cut it | disconnect it | drop it",
    ),
    (
        "unneeded",
        "i dont need | i do not need | i no longer need | (i am|im) (done with|through with|finished with|not using|no longer using) | \
         dont need | we dont need | we no longer need | i dont use | i never use | i dont want | i no longer want | i dont like | i wont \
         need | we wont need",
    ),
    ("must be", "(must|ought to|has got to|had better|better|has to|needs to|wants to) (be|go|come|get) | needs"),
    (
        "gear",
        "headphones | headset | earbuds | earphones | airpods | speaker | speakers | mouse | keyboard | controller | phone | gamepad | \
         earpiece | hearing aids | soundbar | wireless (headphones|headset|mouse|keyboard|speaker) | bluetooth (headphones|headset|mouse|\
         keyboard|speaker)",
    ),
    (
        "should be",
        "(should|must|ought to|shall|could|can|better) be | (needs|has|had|is|wants) to be | needs to go | had better be",
    ),
    (
        "machine",
        "[whole|entire|damn|darn|bloody|stupid|silly] (computer|pc|machine|laptop|system|box|notebook|workstation)|desktop|linux|linux box|\
         linux machine|computer machine|work laptop|work computer|desktop computer|desktop pc|netbook|chromebook|macbook|thinkpad|rig|\
         computer system",
    ),
    ("this machine", "(the|my|this|our|your|that) (<machine>|device|thing|whole thing) | <machine> | everything"),
    (
        "here",
        "[(on|to|onto|in|into|for) (this|the|my|our|your) (<machine>|device|thing) | on this (server|host|node) | on here | here | locally \
         | on this | on it]",
    ),
    (
        "off here",
        "[(from|off|off of|out of) (this|the|my|our|your) (<machine>|device|thing|disk|hard drive|drive) | (from|off|off of) this (server|\
         host|node) | from here | off here | off of here]",
    ),
    (
        "wifi",
        "wifi | wi fi | wi-fi | wify | wiffy | why fi | wireless | wlan | w lan | wireless lan | wi fi internet | wifi internet | wireless \
         internet | wireless network | wireless networking | wifi network | wifi networking",
    ),
    (
        "radio",
        "[radio|radios|connection|connections|adapter|adaptor|adapters|card|connectivity|network|networking|signal|chip|interface|receiver|\
         module|device|function|functionality|feature|service|antenna|switch|thing|thingy|stuff|hardware|toggle|setting|link|support]",
    ),
    ("bluetooth", "bluetooth | blue tooth | blutooth | bluetoof | bt | bluetooth wireless"),
    (
        "volume",
        "volume | vol | sound | audio | sounds | speaker | speakers | loudness | volumes | (sound|audio|speaker|speakers|system|master|\
         playback|output|computer|computers|laptop|laptops|pc|machine|media|music|overall|main|general) (volume|sound|speaker|speakers|\
         audio|loudness) \
         | (sound|volume|audio|loudness|speaker|speakers|noise) (level|output|setting|settings|levels|control|slider|knob|dial) | (volume|\
         sound|audio) (on|for|from) (the|my|this) (computer|pc|laptop|machine|system|speakers) | level of (the|my) (sound|volume|audio) \
         | (volume|loudness|sound|audio) of <the> (speakers|speaker|computer|pc|laptop|system|sound|audio|machine|music)",
    ),
    ("loud", "music | tunes | song | track | video | movie | playback | noise | <volume>"),
    (
        "screen",
        "screen | display | monitor | panel | backlight | back light | (laptop|monitor|computer|pc|desktop) (screen|display|monitor|\
         backlight) | display panel | screen backlight | display backlight | lcd | lcd screen",
    ),
    (
        "brightness",
        "brightness | brightnes | (<screen>|screens|monitors|displays|laptops|laptop) brightness [level|setting] | brightness (level|\
         setting|settings|levels|control|slider) \
         | (brightness|backlight|light|luminosity) (of|on|for) <the> (<screen>|laptop|computer) | (screen|display) (light|luminosity) | \
         luminosity | (backlight|screen|light) level | backlight | back light",
    ),
    (
        "bit",
        "[a bit | bit | wee bit | little | a little | a little bit | a tad | slightly | some | somewhat | a notch | one notch | a touch | a bit \
         more | a lot | much | way | more | a couple of notches | a smidge | some more | just a bit | a smidgen | a pinch | a whisker | \
         one more | loads | tons | a ton | a fair bit | a step or two | a notch or two | a couple of clicks | a few clicks | two notches | \
         two steps | just a bit | a good deal | just a little | just a little bit | a little more | a little bit more | by a bit | by a \
         little | by a notch | a few notches | even more | further | a wee bit | a hair | a few | a little way | considerably | \
         significantly | quite a bit | a good bit | a bunch | a touch more | one step | a step | by a step | by one step | a few steps | \
         one click | a click | by one notch | by some | a couple notches | a whole lot | by a lot | lots | just a tad | just a touch | \
         just slightly | only a little | only a bit | very slightly | ever so slightly | a fraction | one more notch | one level | a level \
         | by one level]",
    ),
    (
        "to",
        "to | at | up to | down to | back to | to about | to around | to exactly | at about | to the number | to number | to level | on | \
         all the way to | all the way up to | all the way down to | as | equal to | to be | to be at | for | at around | to roughly | to \
         approximately | to just | to the level of | to a level of | at a level of | to level number | level to | to (exactly|about|around|\
         precisely|roughly|like) | so its at | so it is at | so that its at | up at | down at",
    ),
    (
        "noise",
        "<the> (<volume>|music|noise|noises|song|video|playback|output|racket|sound effects|sound card|computer|pc|laptop|machine|system|\
         device|desktop)",
    ),
    (
        "silent",
        "silent | mute | muted | on mute | on silent | to mute | to silent | in silent mode | into silent mode | on silent mode | \
     in mute | quiet mode | silence | silenced | off",
    ),
    (
        "set",
        "set | change | adjust | put | turn | make | bring | take | move | get | switch | update | push | alter | fix | tune | modify | \
         configure | reset | drive | shift | have | place | drop | pull | slide | jump | ramp | crank | whack | bump | dial | stick | slap \
         | knock | bring | let | pump | kick | hold | calibrate | nudge | run | blast | max | lets have | lets put | lets set | lets make | \
         lets get | lets go with",
    ),
    (
        "raise",
        "raise | increase | whack up | ratchet up | beef up | juice up | notch | hike up | boost up | drive up | send up | pull up |  boost | crank | \
         bump | up | amp | pump | lift | jack | push | hike | jack up | crank up | pump up | bump up | bring up | turn up | put up | move \
         up | push up | ramp up | dial up | kick up | step up | raise up | increase up | heighten | elevate | enhance | augment | rise | \
         notch up | go up on | scale up | louden | amp up | jump up",
    ),
    (
        "lower",
        "lower | decrease | trim | soften | wind back | bring back down | turn back down | take the edge off |  reduce | drop | diminish | \
         lessen | tone down | turn down | bring down | put down | move down | take down | dial down | cut down | dial back | knock down | \
         step down | pull down | drop down | crank down | ease down | ease off | ease back | scale down | tune down | wind down | push \
         down | go down on | lower down | shrink | bump down | knock back | slide down | notch down | ratchet down | cut back",
    ),
    (
        "open",
        "open | open up | launch | start | start up | run | fire up | bring up | pull up | boot up | load up | load | pop open | pop up | \
         spin up | call up | bring forth | execute",
    ),
    (
        "get rid",
        "remove | uninstall | deinstall | un-install | get rid of | purge | unistall | throw out | throw away | rip out | wipe | kick out | \
         dump | ditch | drop",
    ),
    (
        "updates",
        "[the|all|all the|any|all of the|my] [available|latest|newest|pending|new|outstanding|recent|latest available] \
         [software|system|security|package|os|security and bug fix] updates",
    ),
    (
        "all software",
        "[the|my|this|our|your|the whole|the entire|whole|entire] (<machine>|os|operating system|distro|distribution|debian|ubuntu|device|\
         installation|packages|software|apps|programs|applications|computer software|system software|system packages|os packages|operating system packages|installed packages|\
         installed software|installed apps|linux) \
         | (all|all the|all of the|all my|all of my|every) (packages|software|apps|programs|applications|installed packages|installed \
         software|package|app|program|things) \
         | everything",
    ),
    (
        "off noun",
        "[whole|entire|damn|darn|bloody|stupid|silly] (computer|pc|machine|laptop|system|box|notebook|workstation)|device|desktop computer|\
         desktop pc|work laptop|work computer|computer system",
    ),
    ("off machine", "(the|my|this|our|your) (<off noun>|thing|whole thing) | <off noun> | desktop | the desktop"),
    (
        "ask",
        "show [me|us] | (tell|give|get|read|fetch|bring|find|send) (me|us) | tell me about | give me | get | display | print | read [out|\
         back|off|aloud] | check [on|out|up on] | view | see | report [on|back] | pull up | bring up | look at \
         | look over | list [out|me|me out] | query | fetch | output | present | recite | go over | run through | run me through | walk \
         me through | take me through | remind me of | fill me in on | update me on | brief me on | inform me of \
         | let me (see|have|know|hear|look at|take a look at|get|read|check) | (i|we) (want|need|wanna|would like|d like) [to] [see|know|\
         check|hear|look at|view|get|have a look at|take a look at] | (id|wed) like [to] [see|know|check|hear|look at|view|get] \
         | (can|could|may) (i|we) (see|get|have|hear|check|know|look at|view|take a look at|have a look at) | how about | what about | \
         have a look at | take a look at | have a quick look at | peek at | inspect | tell us | quick look at | (see|check|find out|look) \
         (if|whether|on|into) | just show me | quickly show me | whats going on with | whats up with | whats happening with | open",
    ),
    ("asked", "<ask> | what is | whats | what are | whatre | hows | how is | how are"),
    (
        "mine",
        "[the|my|our|your|this|all|all the|all my|all of my|all of the|all your|any] [current|latest|full|present|overall|basic|whole|\
     entire|complete|recent|quick]",
    ),
    (
        "status",
        "status | state | info | rundown | vitals | lowdown | numbers | figures | metrics | picture | breakdown |  information | details | \
         health | situation | report | overview | summary | stats | statistics | condition | check | readout | specifics | diagnostics",
    ),
    (
        "now",
        "[right now|now|at the moment|today|currently|at present|so far|these days|just now|at this time|presently]",
    ),
    ("the sleeper", "(the|my|this|our|your) (<machine>|device|thing) | <machine>"),
];

/// What refers to what was done before on a connection: `more`, `less`, a thing that the same is to be done with, `yes`, `no`.
pub(super) const FOLLOW_UPS: &[&str] = &[
    "[just] [a|even] [bit|little|little bit|tad|touch|notch|lot] more [still] => more",
    "(some more|more|a little further|further|a bit further|once more|keep going|a notch more|still more|one more notch) => more",
    "[just] [a|even] (bit|little|little bit|tad|touch|notch|lot) less => less",
    "(less|not that much|not so much|too much|that was too much|thats too much|thats too far|back a bit|a bit back|back a little) => less",
    "(and|also|plus) <the> <wifi> [too|as well|also] => wifi",
    "<the> <wifi> (too|as well|also) => wifi",
    "[and] [do] [the] same (for|with|to) <the> <wifi> [too|as well] => wifi",
    "(and|also|plus) <the> <bluetooth> [too|as well|also] => bluetooth",
    "<the> <bluetooth> (too|as well|also) => bluetooth",
    "[and] [do] [the] same (for|with|to) <the> <bluetooth> [too|as well] => bluetooth",
    "(and|also|plus) <the> (<brightness>|<screen>) [too|as well|also] => brightness",
    "<the> (<brightness>|<screen>) (too|as well|also) => brightness",
    "[and] [do] [the] same (for|with|to) <the> (<brightness>|<screen>) [too|as well] => brightness",
    "(and|also|plus) <the> <volume> [too|as well|also] => volume",
    "<the> <volume> (too|as well|also) => volume",
    "[and] [do] [the] same (for|with|to) <the> <volume> [too|as well] => volume",
    "(and|also|plus) {known packages} [too|as well|also] => packages",
    "{known packages} (too|as well|also) => packages",
    "[and] [do] [the] same (for|with) {known packages} [too|as well] => packages",
    "(and|also|plus) {known app} [too|as well|also] => app",
    "{known app} (too|as well|also) => app",
    "(yes|yeah|yep|yup|sure|ok|okay|confirm|confirmed|go ahead|do it|yes do it|please do|approve|approved|proceed|go for it|yes go ahead|i \
     confirm|i approve|sure thing|of course) => yes",
    "(no|nope|nah|no thanks|no thank you|cancel|cancel that|cancel it|no dont|dont|do not|never mind|nevermind|forget it|reject|deny|\
     decline|no cancel|no cancel that|dont do it|do not do it|no dont do it) => no",
];

/// All shared pieces: of the tables and of what surrounds an order.
pub(super) fn fragments() -> impl Iterator<Item = (&'static str, &'static str)> {
    [FRAGMENTS, surround::FRAGMENTS].into_iter().flatten().copied()
}
