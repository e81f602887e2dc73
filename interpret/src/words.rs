//! What kinds of words there are: the classes that slots and the not-an-order layer look at, number words, and names of software.

/// A set of classes of words.
pub(super) type Class = u64;

/// Classes of words, one bit each.
pub(super) mod class {
    use super::Class;

    /// `not`, `don't`, `never`.
    pub(crate) const NEGATION: Class = 1;
    /// `what`, `how`, `is`, `does`: what questions begin with.
    pub(crate) const QUESTION: Class = 1 << 1;
    /// `if`, `maybe`, `suppose`.
    pub(crate) const HYPOTHESIS: Class = 1 << 2;
    /// `tomorrow`, `midnight`, `after`.
    pub(crate) const TIME: Class = 1 << 3;
    /// `it`, `everything`, `thing`: stands for something unnamed.
    pub(crate) const PRONOUN: Class = 1 << 4;
    /// `please`, `thanks`.
    pub(crate) const POLITE: Class = 1 << 5;
    /// Words that orders begin with.
    pub(crate) const COMMAND: Class = 1 << 6;
    /// `in`, `on`, `from`.
    pub(crate) const PREPOSITION: Class = 1 << 7;
    /// Machines and things that are not this computer.
    pub(crate) const DEVICE: Class = 1 << 8;
    /// Everyday words that do not name software.
    pub(crate) const ORDINARY: Class = 1 << 9;
    /// `the`, `my`.
    pub(crate) const THE: Class = 1 << 10;
    /// `a`, `some`, `your`, `every`.
    pub(crate) const ARTICLE: Class = 1 << 11;
    /// `and`, `plus`, `&`.
    pub(crate) const AND: Class = 1 << 12;
    /// `package`, `app`, `program`.
    pub(crate) const SOFTWARE_NOUN: Class = 1 << 13;
    /// A name of software that exists.
    pub(crate) const SOFTWARE: Class = 1 << 14;
    /// `editor`, `player`, `browser`: the last word of a kind of app.
    pub(crate) const APP_KIND: Class = 1 << 15;
    /// Words of other languages that people order with.
    pub(crate) const FOREIGN: Class = 1 << 16;
    /// A number in digits or words.
    pub(crate) const NUMBER: Class = 1 << 17;
    /// `mind`, `try`: what follows is in the -ing form.
    pub(crate) const MIND: Class = 1 << 18;
    /// `was`, `went`, `restarted`: tells what happened.
    pub(crate) const PAST: Class = 1 << 19;
    /// `i`, `we`, `she`: who a report is about.
    pub(crate) const PERSON: Class = 1 << 20;
    /// `is`, `are`, `has`: makes a clause of what is to be noted.
    pub(crate) const VERB: Class = 1 << 21;
    /// `sudo`, `rm`: words of a shell.
    pub(crate) const SHELL: Class = 1 << 22;
    /// `file`, `folder`: things on a disk, which are neither packages nor pages.
    pub(crate) const DISK: Class = 1 << 23;
    /// `pdf`, `music`: what kind of editor or player an app is.
    pub(crate) const APP_SORT: Class = 1 << 36;
    /// What desktops call their own apps: `files`, `settings`.
    pub(crate) const APP_NAME: Class = 1 << 24;
    /// Names of software that are everyday words as well: `cheese`, `go`.
    pub(crate) const DOUBLE_MEANING: Class = 1 << 25;
    /// This computer.
    pub(crate) const MACHINE: Class = 1 << 26;
    /// `now`, `again`: how or when an order is carried out; never part of a name.
    pub(crate) const ADVERB: Class = 1 << 27;
    /// `im`, `its`, `this`: begins a clause, beside persons and articles.
    pub(crate) const MINE: Class = 1 << 29;
    /// `wifi`, `bluetooth`: what is switched on and off.
    pub(crate) const RADIO: Class = 1 << 30;
    /// `grateful`, `glad`: what is offered for an order in the past ("I'd be glad if you muted it").
    pub(crate) const GRATEFUL: Class = 1 << 31;
    /// `percent`, `%`.
    pub(crate) const PERCENT: Class = 1 << 32;
    /// `dim`, `patch`, `note`: what only orders begin with, beside [`COMMAND`].
    pub(crate) const IMPERATIVE: Class = 1 << 33;
    /// `when`, `until`, `tomorrow`: makes an order wait.
    pub(crate) const WAITING: Class = 1 << 34;
    /// `song`, `sign`, `shouting`: words that are nobody's order here.
    pub(crate) const SOURCE: Class = 1 << 35;
    /// `says`, `error`, `manual`: whose words are told.
    pub(crate) const REPORTER: Class = 1 << 28;
    /// `um`, `just`, `bloody`: what an order means the same without.
    pub(crate) const FILLER: Class = 1 << 37;
    /// `exactly`, `another`: what a number means the same without.
    pub(crate) const ROUGH: Class = 1 << 38;
    /// `ignore`, `pretend`: what tries to change the agent may begin with it.
    pub(crate) const SUSPECT: Class = 1 << 39;
}

/// The words of each class. One word may stand in several.
pub(super) const CLASSES: &[(Class, &str)] = &[
    (
        class::NEGATION,
        "not dont never no without cannot cant wont wouldnt shouldnt couldnt didnt doesnt isnt arent wasnt mustnt neednt nobody \
         nothing none neither nor nevermind stop avoid cancel refuse refrain skip instead unless leave keep aint hasnt havent rather",
    ),
    (
        class::QUESTION,
        "what whats which who whos whose whom when whens where wheres why whys how hows is are am was were does did has have had do \
         should shall whether may isnt arent doesnt didnt can could would",
    ),
    (
        class::HYPOTHESIS,
        "if maybe perhaps might suppose supposing imagine assume assuming hypothetically pretend could would wish wonder possibly \
         considering thinking were otherwise",
    ),
    (
        class::TIME,
        "tomorrow tonight today later midnight noon oclock pm am monday tuesday wednesday thursday friday saturday sunday mondays fridays \
         sundays minute minutes hour hours second seconds week weeks day days month when whenever once after before until till while every \
         daily weekly nightly morning evening afternoon weekend weekends night soon eventually during yesterday year years",
    ),
    (
        class::IMPERATIVE,
        "shut dim brighten darken crank pump bump silence hush power hibernate grab pull fire boot load pop kick wipe nuke ditch dump patch refresh \
         apply check look read remind recall note jot save store memorize revert roll reverse flip flick connect activate deactivate adjust \
         change move drop cut knock nudge tone dial ease quiet soften quieten lighten secure access reactivate max halt reenable re-enable \
         navigate head reset",
    ),
    (
        class::WAITING,
        "when whenever once after before until till while every tomorrow later midnight noon oclock pm am monday tuesday wednesday thursday \
         friday saturday sunday eventually soon yesterday unless except daily weekly nightly",
    ),
    (
        class::SOURCE,
        "lyrics lyric chorus poem quote joke sign poster button dialog popup prompt notification letter text tweet \
         article blog post forum website page comment yelling shouting singing chanting repeating screaming muttering typing reads typed \
         announces announced instructed command commands word words phrase sentence title headline example examples step recipe titled entitled labelled labeled captioned email emails mail subject motto rule trick advice answer plan goal \
         chanted shouted yelled sang sings screams shouts yells narrator teacher \
         script character documentation",
    ),
    (
        class::PRONOUN,
        "it this that these those them they everything anything something nothing all stuff thing things one ones mine yours him her us \
         each both whatever everyone someone itself himself herself themselves me you",
    ),
    (
        class::POLITE,
        "please pls plz thanks thank thx thnx ty tysm kindly cheers buddy dude pal bro okay ok yeah yep haha lol rq rn fr tbh ngl hurry dammit damnit cmon pronto",
    ),
    (
        class::COMMAND,
        "install uninstall deinstall remove delete reboot restart shutdown suspend mute unmute open launch turn switch set update upgrade \
         lock enable disable start run reinstall purge erase increase decrease raise lower dim brighten forget remember search find list \
         show go visit browse google add fetch download execute kill close quit tell put make bring take get then undo send write sleep \
         disconnect reconnect",
    ),
    (
        class::PREPOSITION,
        "in into on onto off of from to at with by about over under between for up down as than through via per within inside behind \
         beside near against upon toward towards because cause cuz coz since so but or like back out",
    ),
    (
        class::DEVICE,
        "tv tvs television telly lamp lamps light lights lighting router routers server servers nas phone phones smartphone iphone tablet \
         ipad car fridge refrigerator oven stove heater heating thermostat radiator fan fans printer scanner camera cameras door doors \
         window blinds curtains garage gate alarm alarms speakerphone stereo hifi radio vacuum hoover dishwasher washer dryer kettle toaster \
         microwave drone engine engines sprinkler sprinklers container containers database vm pod cluster website doorbell \
         sensor sensors bulb bulbs lawnmower sauna boiler aircon conditioner humidifier projector playstation xbox roomba watch \
         flashlight torch headset headphones earbuds keyboard mouse chromecast shutters chandelier switchboard modem plug \
         socket sockets mic mics microphone microphones tap faucet shower pool fireplace mower bike truck boat plane",
    ),
    (class::ORDINARY, include_str!("lexicon/ordinary.txt")),
    (class::THE, "the my"),
    (class::ARTICLE, "a an some any your our their his its every another more much many few several"),
    (class::AND, "and plus & also alongside"),
    (
        class::SOFTWARE_NOUN,
        "package packages app apps application applications program programs software tool called named",
    ),
    (
        class::APP_KIND,
        "editor player browser viewer manager client terminal calculator settings monitor analyzer analyser app application program console \
         emulator launcher center centre organizer recorder studio office suite messenger",
    ),
    (
        class::APP_SORT,
        "pdf image images photo photos picture pictures video videos movie music audio sound text code source web internet file files email mail \
         chat instant irc matrix system task disk partition usage storage password archive zip document documents log font hex torrent \
         download package software app media map ebook epub book comic markdown latex diagram screen voice terminal ssh ftp vnc remote git \
         database sql note notes podcast rss feed news calendar contacts process network resource power clipboard color colour character \
         window session desktop virtual machine vm office spreadsheet presentation drawing paint vector raw 3d cad game games card default \
         simple basic scientific tag subtitle midi webcam camera dvd cd startup extension user settings theme icon menu backup update boot \
         gnome kde xfce gtk qt linux main favorite favourite preferred new",
    ),
    (
        class::FOREIGN,
        "bitte neustarten herunterfahren lautstärke helligkeit ausschalten einschalten öffne starte installiere schalte mach rechner \
         apaga enciende abre sube baja el volumen brillo instala reinicia por favor ordenador cierra \
         éteins allume ouvre baisse monte redémarre installe le la ordinateur s'il \
         spegni accendi apri abbassa alza riavvia installa il luminosità zet uit aan zachter harder geluid \
         wyłącz włącz otwórz desliga liga abra aumenta diminui reinicie matikan nyalakan buka kapat aç sesi kıs awaaz kam karo band chalu \
         auf ton leiser lauter aus ein und oder nicht das der die sluit stäng öppna sätt på av",
    ),
    (
        class::NUMBER,
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen \
         nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred half max maximum minimum min",
    ),
    (class::MIND, "mind start begin try commence"),
    (class::GRATEFUL, "grateful thankful happy glad appreciate delighted obliged great nice lovely"),
    (class::PERCENT, "percent % percentage pct"),
    (class::RADIO, "wifi wi-fi wireless wlan bluetooth"),
    (
        class::MINE,
        "im ive ill id youd wed theyd hed its this that thats theres there these those our were weve whos someones somebodys hes shes theyre everything everyone nobody sorry his her",
    ),
    (
        class::ADVERB,
        "um umm uh uhh uhm erm hmm too now immediately asap again completely entirely already instantly right quickly fully anymore",
    ),
    (
        class::REPORTER,
        "said thought says say saying told tells tell asked asks ask wrote writes heard states stated claims claimed reported mentioned suggests \
         suggested recommends recommended shouted yelled screamed whispered replied answered wants wanted error message manual sign docs \
         instructions caption tutorial guide readme headline label",
    ),
    (
        class::FILLER,
        "please pls plz kindly um umm uh uhh uhm er erm hm hmm mm like damn damned dang darn bloody goddamn freaking \
         frigging flipping fucking stupid silly blasted just simply basically literally eh ah oh ya kinda sorta",
    ),
    (class::ROUGH, "exactly precisely roughly approximately about around another further additional extra only"),
    (class::MACHINE, "computer pc machine laptop system box desktop notebook workstation device thing"),
    (
        class::PAST,
        "was were went did had got said told turned opened closed started stopped restarted rebooted installed removed uninstalled updated \
         upgraded shut froze crashed jumped dropped changed asked wanted thought left came broke failed been happened deleted muted locked paid sent made took ran fell lost found forgot bought sold ate drank slept landed finished ended died arrived",
    ),
    (class::PERSON, "i we she he they you it someone somebody everyone who"),
    (
        class::VERB,
        "is are was were am has have had will would can cant must should does doesnt do dont did im isnt arent wont needs need likes like lives \
         works goes starts ends keep expires opens closes wants hates prefers prefer means moved died broke comes runs = im ive its hes shes \
         theyre were whats costs said sits stands belongs uses use wears drinks eats eat takes needs missing use gets leaves arrives begins owes equals hate love \
         loves live work want need wanna have got got ive theres someones play watch parked put left lent gave bought sold changed keeps feels looks sounds seems acts stays hurt hurts ache aches",
    ),
    (class::SHELL, "sudo rm dd mkfs chmod chown bash sh wget grep awk sed eval exec systemctl npm npx"),
    (
        class::DISK,
        "file files folder folders directory directories disk disks partition partitions document documents photo photos picture pictures \
         video videos image images pdf pdfs download downloads desktop trash bin cache history note notes email emails mail message messages \
         bookmark bookmarks tab tabs playlist song songs contact contacts event events meeting meetings appointment reminder reminders",
    ),
    (
        class::DOUBLE_MEANING,
        "go make less most fish dust dash ant stack wire pass john parallel rename locate bottles cheese brave bat tree element \
         hydrogen rust swift flex bison orca marble julia ruby perl crystal chef puppet ledger hamster grass barrier piper octopi plank foot \
         awesome mate cinnamon sway rider olive word writer peek shutter totem lame moc poetry snap bless perf \
         node screen ed joe atom code yarn bun lua warp hyper st spectacle anchor dia pencil drawing cursor \
         bun cabal boxes dig fortune stow dialog zip units conky latte albert kitty elisa strawberry clementine jack \
         carla reddit messenger twitch cheese tux helm snapshot toolbox caffeine skype tasks line hydra hexyl glances warp \
         onboard acrobat aptitude audacious brackets caddy cadence cargo cheat chess clang cockpit composer cups dart deluge discover dragon \
         duplicity eclipse edge empathy excel festival flutter foremost fractal gem glade groovy guile heroic illustrator impress insomnia \
         latex matrix maxima miller nitrogen notion opera outlook packer pandas parole parted postman putty ranger safari solitaire sox \
         squid stress sublime swig synapse tar tenacity terminator terminology tidal toilet tomboy tomcat tuba tweaks unison unity unreal \
         vagrant varnish watchman whisper wine music radio games game weather calendar logs photos contacts map tasks mail email clock notes videos help reminders podcasts todo fonts printers news backups compass nemo dolphin budgie openbox lens maps orange plasma racket sketch",
    ),
];

/// Names of software that people say, one a line, lower case.
pub(super) const SOFTWARE: &str = include_str!("lexicon/software.txt");

/// Common English words, one a line, sorted, each followed by a line feed: what is no name unless it is known as one.
/// From SCOWL (`lexicon/english.LICENSE.txt`).
const ENGLISH: &str = include_str!("lexicon/english.txt");

/// Whether a lower-case word is a common English word. The list is searched as it lies in the program, so that it costs nothing
/// at start-up.
pub(super) fn is_english(word: &str) -> bool {
    let bytes = ENGLISH.as_bytes();
    let (mut from, mut to) = (0, bytes.len());
    while from < to {
        let middle = from + (to - from) / 2;
        let start = bytes[from..middle].iter().rposition(|b| *b == b'\n').map_or(from, |i| from + i + 1);
        let end = bytes[middle..to].iter().position(|b| *b == b'\n').map_or(to, |i| middle + i);
        match bytes[start..end].cmp(word.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = end + 1,
            std::cmp::Ordering::Greater => to = start,
        }
    }
    false
}

/// Order words in the -ing form, for what follows "would you mind", and for answers.
pub(super) const GERUNDS: &[(&str, &str)] = &[
    ("turning", "turn"),
    ("switching", "switch"),
    ("opening", "open"),
    ("launching", "launch"),
    ("starting", "start"),
    ("installing", "install"),
    ("uninstalling", "uninstall"),
    ("removing", "remove"),
    ("restarting", "restart"),
    ("rebooting", "reboot"),
    ("shutting", "shut"),
    ("powering", "power"),
    ("putting", "put"),
    ("setting", "set"),
    ("muting", "mute"),
    ("unmuting", "unmute"),
    ("locking", "lock"),
    ("updating", "update"),
    ("upgrading", "upgrade"),
    ("raising", "raise"),
    ("lowering", "lower"),
    ("increasing", "increase"),
    ("decreasing", "decrease"),
    ("reducing", "reduce"),
    ("dimming", "dim"),
    ("brightening", "brighten"),
    ("enabling", "enable"),
    ("disabling", "disable"),
    ("making", "make"),
    ("bringing", "bring"),
    ("showing", "show"),
    ("listing", "list"),
    ("suspending", "suspend"),
    ("deleting", "delete"),
    ("changing", "change"),
    ("adjusting", "adjust"),
    ("downloading", "download"),
    ("adding", "add"),
    ("silencing", "silence"),
    ("activating", "activate"),
    ("deactivating", "deactivate"),
    ("getting", "get"),
    ("telling", "tell"),
    ("undoing", "undo"),
    ("forgetting", "forget"),
    ("remembering", "remember"),
    ("running", "run"),
    ("searching", "search"),
    ("closing", "close"),
    ("visiting", "visit"),
    ("going", "go"),
    ("fetching", "fetch"),
    ("purging", "purge"),
    ("erasing", "erase"),
    ("reinstalling", "reinstall"),
    ("taking", "take"),
    ("checking", "check"),
    ("pumping", "pump"),
    ("cranking", "crank"),
    ("bumping", "bump"),
    ("dropping", "drop"),
    ("cutting", "cut"),
    ("killing", "kill"),
    ("disconnecting", "disconnect"),
    ("reconnecting", "reconnect"),
    ("connecting", "connect"),
    ("applying", "apply"),
    ("patching", "patch"),
    ("sleeping", "sleep"),
    ("hibernating", "hibernate"),
    ("saving", "save"),
    ("noting", "note"),
    ("writing", "write"),
    ("loading", "load"),
    ("browsing", "browse"),
    ("securing", "secure"),
    ("quieting", "quiet"),
    ("darkening", "darken"),
    ("lightening", "lighten"),
    ("reverting", "revert"),
    ("grabbing", "grab"),
    ("pulling", "pull"),
    ("ditching", "ditch"),
    ("wiping", "wipe"),
    ("maxing", "max"),
    ("flipping", "flip"),
    ("toggling", "toggle"),
    ("giving", "give"),
    ("looking", "look"),
    ("finding", "find"),
    ("reading", "read"),
];

/// Order words in the past, for what follows "I'd be grateful if you".
pub(super) const PASTS: &[(&str, &str)] = &[
    ("turned", "turn"),
    ("switched", "switch"),
    ("opened", "open"),
    ("launched", "launch"),
    ("started", "start"),
    ("installed", "install"),
    ("uninstalled", "uninstall"),
    ("removed", "remove"),
    ("deleted", "delete"),
    ("restarted", "restart"),
    ("rebooted", "reboot"),
    ("powered", "power"),
    ("muted", "mute"),
    ("unmuted", "unmute"),
    ("locked", "lock"),
    ("updated", "update"),
    ("upgraded", "upgrade"),
    ("raised", "raise"),
    ("lowered", "lower"),
    ("increased", "increase"),
    ("decreased", "decrease"),
    ("reduced", "reduce"),
    ("dimmed", "dim"),
    ("brightened", "brighten"),
    ("enabled", "enable"),
    ("disabled", "disable"),
    ("made", "make"),
    ("brought", "bring"),
    ("showed", "show"),
    ("listed", "list"),
    ("suspended", "suspend"),
    ("changed", "change"),
];

/// What a number word counts for, below a hundred.
pub(super) fn number_word(word: &str) -> Option<i32> {
    Some(match word {
        "zero" | "nil" => 0,
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" | "fourty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        "hundred" => 100,
        _ => return None,
    })
}

/// What desktops call their own apps, one a line, lower case.
pub(super) const APP_NAMES: &str = include_str!("lexicon/apps.txt");
