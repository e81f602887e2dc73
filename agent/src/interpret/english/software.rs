//! Packages, updates, apps, pages and folders.

/// `package_install`.
pub const PACKAGE_INSTALL: &[&str] = &[
    "(install|reinstall|re-install) [and set up] {packages} <here>",
    "(download|fetch|get|grab|go|find) and install {packages} <here>",
    "install and (set up|setup|configure) {packages} <here>",
    "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) install {packages}",
    "(get|have) {packages} installed <here>",
    "(i want|i need|i would like|id like|i d like|we need|we want) {packages} [to be] installed <here>",
    "(i want|i need|i would like|id like|we need|id like to have|i want to have|i need to have|can i have|can i get|could i get|let me have|give me|get me) {known packages} (on|to|onto|in) (this|the|my|our) (<machine>|device)",
    "(i want|i need|i would like|id like|we need|id like to have|i want to have|i need to have|give me|get me) {known packages} on here",
    "(i want|i need|i would like|id like|we need|get|grab|fetch|add|get me|grab me|i want to have|id like to have) {known packages}",
    "(add|put|get|place|download|set up|setup) {known packages} (to|on|onto|in|for) (this|the|my|our) (<machine>|device)",
    "(put|get) {known packages} on here",
    "(set up|setup|download|fetch) {known packages}",
    "{packages} (install it|install them|please install it|please install them|install that|install those)",
    "{packages} (should be installed|needs to be installed|must be installed|has to be installed|need to be installed) <here>",
    "(do|perform|run|start) (an install|the installation|an installation|the install) of {packages}",
    "(make|make sure) {packages} (available|installed) <here>",
];

/// `package_remove`.
pub const PACKAGE_REMOVE: &[&str] = &[
    "(uninstall|deinstall|un-install|un install|unistall) {packages} <off here>",
    "(remove|purge|delete|erase|get rid of|throw out|throw away|rip out|wipe|kick out|dump|ditch|drop|clean out|take out|scrap|trash|nuke) {known packages} <off here>",
    "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) (remove|purge|uninstall) {packages}",
    "(take|get|kick|throw|wipe) {known packages} (off|off of|from|out of) (this|the|my|our) (<machine>|device)",
    "(take|get) {known packages} off",
    "(get|have) {packages} (uninstalled|removed) <off here>",
    "(i want|i would like|id like|i need) {packages} (gone|removed|uninstalled|deleted|off this machine|off this computer|off my computer|off my system|off the machine|off the system) <off here>",
    "{packages} (has to go|must go|needs to go|should go|can go) [please] [remove it|uninstall it|get rid of it|delete it]",
    "{packages} [please] (uninstall it|remove it|get rid of it|uninstall them|remove them)",
    "(remove and purge|completely remove|fully remove|totally remove|completely uninstall|fully uninstall|remove completely) {packages} <off here>",
    "(i dont need|i no longer need|i dont want|i no longer want) {packages} anymore (remove it|uninstall it|get rid of it|delete it)",
];

/// `package_search`.
pub const PACKAGE_SEARCH: &[&str] = &[
    "(search|look|find|hunt|check) [for] [a|any|the|some] (package|packages|program|programs|app|apps|software|tool|tools) (called|named|for|like|about|to|that does|matching) {words}",
    "(search|look through|look in|search in|search through|browse) [the|my|all] (packages|package archive|package index|repositories|repos|package repositories|package list|available packages|software archive|archive|software center|apt|package manager) for {words}",
    "(search|look) for {words} in [the] (packages|package archive|package index|repositories|repos|package repositories|software center|software archive|archive|package manager|apt)",
    "(apt|apt-cache|apt cache|dnf|yum|zypper) search {words}",
    "(is there|are there|do you have|do you know|can you find) (a|any|some) (package|packages|program|programs|app|apps|software|tool) (called|named|for|like|about|that does) {words}",
    "(what|which) (packages|programs|apps|tools|software) (are there|exist|are available|is there|is available|do you have|can i install) for {words}",
    "(find|show|list|show me|find me) [me] [all|some|any] (packages|programs|apps|software|tools) (for|like|about|matching|named|called|related to|with) {words}",
    "(search|package search|search packages|search package|find package|find packages|search apps|search software) [for] the package {words}",
    "(package search|search packages|find packages|search package|find package|search software) [for] {words}",
];

/// `system_update`.
pub const SYSTEM_UPDATE: &[&str] = &[
    "(update|upgrade|patch|refresh|update and upgrade|upgrade and update|refresh and upgrade|refresh and update|fully update|fully upgrade|bring up to date|freshen up) <all software> <here> => stable",
    "(update|upgrade) => stable",
    "(install|apply|get|fetch|download|download and install|fetch and apply|fetch and install|get and install|pull|pull and install|pull in|grab|run|do|perform|download and apply|roll out) <updates> <here> => stable",
    "(run|do|perform|start|make|apply|launch|begin|execute|install|get|carry out|give me|kick off) (a|the) [full|complete|quick|whole] (system update|system upgrade|software update|update|upgrade|package upgrade|package update|full upgrade|os update|security update|distro upgrade|os upgrade|software upgrade|updates) (of|on|for) (the|my|this) (<machine>|packages|software) => stable",
    "(run|do|perform|start|make|apply|launch|begin|execute|carry out|kick off|give me) (a|the) [full|complete|quick|whole] (system update|system upgrade|software update|package upgrade|package update|full upgrade|os update|distro upgrade|os upgrade|software upgrade|full update|upgrade|update) => stable",
    "(system|software|package|os|full|full system|complete system) (update|upgrade) => stable",
    "(bring|get|make|keep|put) <all software> (up to date|up to speed|updated|upgraded|current|patched|to the latest version|to the latest versions|fully updated) => stable",
    "(apt|apt get|apt-get|dnf|yum|aptitude) (upgrade|update|dist-upgrade|full-upgrade|update and upgrade) => stable",
    "(update|upgrade) (to) [the] (latest|newest) (version|versions|packages|software|release) => stable",
    "(update|upgrade) <all software> to [the|their|its] (latest|newest) [version|versions|packages|software] => stable",
    "(i want|i need|i would like|id like) <all software> [to be] (updated|upgraded|patched|up to date|brought up to date) => stable",
    "(get|fetch|install|grab) [me] [the] (latest|newest) (versions|packages|software|software versions|package versions|patches|security patches|security fixes|fixes) [of everything|of all packages|for everything|of all software] <here> => stable",
    "(install|apply) [the|all|all the] [latest] (patches|security patches|security fixes|upgrades) <here> => stable",
];

/// `open_app`.
pub const OPEN_APP: &[&str] = &[
    "(open|open up|launch|fire up|boot up|spin up|start|start up|execute) {app} <here>",
    "(run|load|load up|bring up|pull up|pop open|pop up|call up|startup|get up) {known app} <here>",
    "(run|load|bring up|pull up|show|show me|display|switch to|go to|take me to|bring me to|get me to|jump to|use|i want to use|let me use|go into|navigate to|get into) {known app}",
    "(get) {app} (running|open|opened|going|started|up and running|up|launched)",
    "(get|have|bring) {known app} (up|on screen|on the screen)",
    "{app} [please] (open it|launch it|start it|fire it up|run it|open it up|start it up)",
    "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] terminal [window] => terminal",
    "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] (browser|web browser|internet browser) [window] => browser",
    "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] text editor [window] => text editor",
    "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] calculator [window] => calculator",
    "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] file manager [window] => file manager",
    "(i want|i need|i would like|id like) {known app} [to be] (open|opened|running|started|launched)",
    "(let me see|i want to see|let me have) {known app}",
    "(make|let) {known app} (run|start|open)",
];

/// `open_url`.
pub const OPEN_URL: &[&str] = &[
    "(open|open up|go to|go on|visit|browse|browse to|load|load up|navigate to|take me to|bring me to|show me|show|surf to|head to|head over to|bring up|pull up|get me to|go on to|jump to|launch|get|view|send me to|point the browser to|point my browser to|lets go to|go over to|goto|open the browser at|open the browser on|see|access|check out|look at|display|fetch|start) [the|this|that] [web] [site|website|page|webpage|web page|url|link|address|homepage|website at|page at|site at|url at|home page of|website of|homepage of] {url} [page|website|site|in the browser|in my browser|in a browser|in a new tab|in firefox|in the web browser|on the web|in chrome|in a tab]",
    "{url}",
    "(i want|i need|i would like|id like) (to see|to visit|to go to) {url}",
    "(check|open|open up|show|show me|read|go to|visit|bring up|pull up|see|launch|load|take me to|look at|start) [my|the] (gmail|google mail|g mail|gmail inbox|gmail account|gmail mail|gmail page) => https://mail.google.com/",
    "(search|do a search|run a search|web search|search the web|search the internet|search online|search google|do a web search|do a google search|run a web search|google search|search on google|make a web search|perform a web search|look online|look on the internet|look on the web|look on google|search the net|run a google search) for {query} => https://www.google.com/search?q={query}",
    "(search for|search|look up|look for) {query} (online|on the web|on the internet|on google|on the net|in google|with google) => https://www.google.com/search?q={query}",
    "(google|look up|web search|google search|google for|search google|look up on the web|look up online) {query} => https://www.google.com/search?q={query}",
    "(find) {query} (online|on the web|on the internet|on google) => https://www.google.com/search?q={query}",
];

/// `list_files`.
pub const LIST_FILES: &[&str] = &[
    "(list|show|show me|display|ls|print|view|see|give me|get|enumerate) [me] [all|all the|the|my|all my|all of my] files",
    "(list|show|show me|display|print|view|see|give me|enumerate|list out|look at) [me] [all|all the|the|my|all my] (files|files and folders|folders|contents|content|documents|items|stuff|things|directory contents|file list|folder contents|everything) (in|from|of|inside|under|at|within|on) {place}",
    "(list|ls|dir) {place}",
    "(what|which|whats) [files|folders|stuff|documents|files and folders|is|are|things] [are|is] (in|inside|on|under|at) {place}",
    "(what|which) files (do i have|have i got|are there|exist|are stored|are saved) (in|on|inside|at) {place}",
    "(what files do i have|which files do i have|what files are there|what files are here|list files here|ls|what are my files|list the directory|list directory|list the current directory|list the files here)",
    "(list|show|show me|display) (the|my) (contents|content) (of) {place}",
    "(show|show me|display|list|look in|look inside|look into|peek into|check) {place} (contents|files|listing)",
    "(show|show me|display|open) [me] {place} (folder|directory)",
    "(look|peek) (in|into|inside) {place}",
    "(list|show|show me) [all] [my|the] {place} files",
    "(show|show me|list|display) [me] (whats|what is|what i have|what do i have|whats stored|what files are|what there is) (in|on|inside|under) {place}",
];
