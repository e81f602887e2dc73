//! Power, session, network, and how the machine is.

/// `power_reboot`.
pub const POWER_REBOOT: &[&str] = &[
    "(reboot|restart|re-boot|re-start|reset|power cycle|powercycle|warm boot|cold boot) <this machine>",
    "(reboot|restart|re-boot)",
    "(reboot it|reboot yourself|restart yourself|reboot linux|reboot debian|reboot ubuntu|restart linux)",
    "(do|perform|give me|give it|start|initiate|trigger|make|run|execute|have|issue) (a|the) [quick|full|clean|fresh|system|machine|complete|proper|soft|hard|computer] (reboot|restart)",
    "(give) (the|my|this) <machine> a [quick|fresh] (reboot|restart)",
    "(i want|i need|i would like|id like) (a|to do a) [quick|full|system] (reboot|restart)",
    "(system|computer|machine|pc|full|quick|laptop) (reboot|restart)",
    "(turn|switch|shut|power) <this machine> off and [back] on [again]",
    "(turn|switch|shut|power) (off|down) and [back] on [again] <this machine>",
    "(turn|switch) it off and [back] on again",
    "(cycle) (the|my|this) <machine> [reboot|restart|power]",
    "(boot|start) (the|my|this) <machine> (again|anew|afresh|fresh)",
    "(bring|take) (the|my|this) <machine> down and [back] up [again]",
    "(i want|i need|i would like|id like) (the|my|this) (<machine>|thing) (rebooted|restarted|to reboot|to restart|to be restarted|to be rebooted)",
    "(get|have) (the|my|this) (<machine>|thing) (rebooted|restarted|to reboot|to restart)",
    "(the|my|this) (<machine>|thing) (needs|needs a|must be|should be|has to be) (rebooted|restarted|reboot|restart|rebooting|restarting)",
    "(make|let) (the|my|this) <machine> (reboot|restart)",
];

/// `power_shutdown`.
pub const POWER_SHUTDOWN: &[&str] = &[
    "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|turn off|switch off|shut off|halt|kill power to|cut power to) <off machine>",
    "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|halt)",
    "(shut|turn|switch|power|bring) <off machine> (down|off|completely off|all the way off|off completely)",
    "(turn|switch|shut|power) yourself (off|down)",
    "(shutdown|turn off|switch off|power off|shut down|power down) yourself",
    "(do|perform|start|initiate|trigger|make|run|execute|issue|begin) (a|the) [quick|full|clean|system|machine|complete|proper|computer] (shutdown|shut down|power off|poweroff|power down)",
    "(i want|i need|i would like|id like) (the|my|this) (<off noun>) (off|shut down|turned off|powered off|switched off|powered down|shut off|to shut down|to power off|to be off|to be shut down|to be turned off)",
    "(get|have) (the|my|this) (<off noun>) (shut down|turned off|powered off|switched off|powered down)",
    "(system|computer|machine|pc|laptop) (shutdown|shut down|off|power off)",
    "(make|let) (the|my|this) <machine> (shut down|power off|turn off)",
    "(cut|kill|turn off|switch off|shut off) [the] power",
    "(turn|switch|shut) [the] power off",
];

/// `power_sleep`.
pub const POWER_SLEEP: &[&str] = &[
    "(suspend|sleep) <the sleeper>",
    "(suspend|sleep|go to sleep|go into sleep|go into sleep mode|sleep mode|standby|stand by|go to standby|enter sleep mode|enter standby|go into standby|suspend to ram|take a nap|go to sleep mode|enter suspend|go to suspend)",
    "(put|send|set|bring|get|place|switch|turn) (<the sleeper>|it|yourself) (to sleep|to bed|in sleep mode|into sleep mode|to sleep mode|on standby|in standby|into standby|to standby|in standby mode|into standby mode|in suspend|into suspend|into suspend mode|on sleep mode|asleep|to suspend|on suspend)",
    "put to sleep <the sleeper>",
    "(laptop|computer|pc|machine|system) (to sleep|sleep|suspend|to suspend|into sleep mode|to standby)",
    "(make|let|have) (the|my|this) (<machine>|device) (sleep|go to sleep|suspend|fall asleep|nap|take a nap)",
    "(enable|activate|start|trigger|engage|initiate) (sleep|suspend|standby|sleep mode|standby mode|suspend mode)",
    "(i want|i need|i would like|id like) (the|my|this) (<machine>|device) (to sleep|suspended|asleep|to go to sleep|in sleep mode|to be suspended)",
    "suspend (the|this|my) session",
    "suspend it",
];

/// `session_lock`.
pub const SESSION_LOCK: &[&str] = &[
    "lock [up] (the|my|this|our) (<screen>|<machine>|device|session|desktop session|workspace)",
    "lock (screen|computer|pc|laptop|session|desktop|machine|workstation|display|system)",
    "lock",
    "lock it [up|down]",
    "(screen|session|computer|desktop) lock",
    "(activate|enable|start|engage|turn on|show|bring up|trigger) (the|my) (lock screen|screen lock|lockscreen)",
    "(go to|switch to|get to|take me to) (the|my) (lock screen|lockscreen)",
    "(put|get) (the|my) (screen|computer|pc|laptop|session|desktop) (in lock|on lock|locked|in lock mode)",
    "(i want|i need|i would like|id like) (the|my|this) (<screen>|<machine>|session) [to be] locked",
    "(get|have|make) (the|my|this) (<screen>|<machine>|session) locked",
    "lock (this|the) (thing)",
    "lock (me) out",
];

/// `network_wifi_on`.
pub const NETWORK_WIFI_ON: &[&str] = &[
    "(turn|switch|flip|power|toggle|put) [back] on <the> <wifi> <radio> <here>",
    "(turn|switch|flip|power|toggle|put|bring|get) <the> <wifi> <radio> (on|back on|on again|back|up|back up|online|running|going|working|back online|up again|up and running|back on again) <here>",
    "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|reconnect|bring up|bring back|power up|engage|fire up|connect|unblock) <the> <wifi> <radio> [again] <here>",
    "<the> <wifi> <radio> (on|enable|enabled|back on|on again|activate|start)",
    "(enable|activate) [the] (wireless|wifi) (internet|connection|network)",
    "(i want|i need|i would like|id like) <the> <wifi> <radio> (on|back on|enabled|to be on|turned on|switched on|back|activated)",
    "(get) <the> <wifi> <radio> (going|working|running|started|turned on|up and running)",
    "(make) <the> <wifi> (work|go on|active)",
    "(reconnect|connect) [to|me to] [the] (wifi|wi fi|wireless)",
];

/// `network_wifi_off`.
pub const NETWORK_WIFI_OFF: &[&str] = &[
    "(turn|switch|shut|flip|power|toggle) off <the> <wifi> <radio> <here>",
    "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <wifi> <radio> (off|down|offline|off again|back off) <here>",
    "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage) <the> <wifi> <radio> <here>",
    "<the> <wifi> <radio> (off|disable|disabled|off again|deactivate|down)",
    "disconnect (from|me from) [the|my] <wifi> <radio>",
    "(i want|i need|i would like|id like) <the> <wifi> <radio> (off|disabled|to be off|turned off|switched off|deactivated)",
    "(get) <the> <wifi> <radio> (turned off|disabled|switched off)",
    "(take|get) me off [the] <wifi>",
];

/// `network_bluetooth_on`.
pub const NETWORK_BLUETOOTH_ON: &[&str] = &[
    "(turn|switch|flip|power|toggle|put) [back] on <the> <bluetooth> <radio> <here>",
    "(turn|switch|flip|power|toggle|put|bring|get) <the> <bluetooth> <radio> (on|back on|on again|back|up|back up|online|running|going|working|up and running|up again|back on again) <here>",
    "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|bring up|bring back|power up|engage|fire up|unblock|reconnect) <the> <bluetooth> <radio> [again] <here>",
    "<the> <bluetooth> <radio> (on|enable|enabled|back on|on again|activate|start)",
    "(i want|i need|i would like|id like) <the> <bluetooth> <radio> (on|back on|enabled|to be on|turned on|switched on|back|activated)",
    "(get) <the> <bluetooth> <radio> (going|working|running|started|turned on|up and running)",
    "(make) <the> <bluetooth> (work|go on|active)",
];

/// `network_bluetooth_off`.
pub const NETWORK_BLUETOOTH_OFF: &[&str] = &[
    "(turn|switch|shut|flip|power|toggle) off <the> <bluetooth> <radio> <here>",
    "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <bluetooth> <radio> (off|down|offline|off again|back off) <here>",
    "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage) <the> <bluetooth> <radio> <here>",
    "<the> <bluetooth> <radio> (off|disable|disabled|off again|deactivate|down)",
    "(i want|i need|i would like|id like) <the> <bluetooth> <radio> (off|disabled|to be off|turned off|switched off|deactivated)",
    "(get) <the> <bluetooth> <radio> (turned off|disabled|switched off)",
];

/// `network_status`.
pub const NETWORK_STATUS: &[&str] = &[
    "am i (online|connected|connected to the internet|connected to the network|connected to wifi|connected to the wifi|connected to a network|offline|on the network|on the internet|on wifi)",
    "are (we|you) (online|connected to the internet|connected to the network|offline)",
    "is (this|the|my) (<machine>) (online|connected|connected to the internet|offline|on the network|connected to the network)",
    "(do i|do we|do you) have [an|any|a working] (internet|network|internet connection|network connection|connection|internet access|network access|connectivity)",
    "is (the|my|our) (internet|network|connection|internet connection|network connection) (up|down|working|on|ok|okay|connected|there|alive|running|fine)",
    "(how is|hows|what is|whats) (the|my|our) (network|connection|internet connection|network connection|connectivity|network status|connection status|internet status|status of the network|network state|status of my connection|status of the internet connection)",
    "(show|show me|check|tell me|give me|get|display|report|print|list|query|view|see|test) [the|my] (network status|connection status|internet status|network connection|internet connection|network state|network|connection|network info|network information|network connections|connectivity|network details|connection details|ip address|ip|network settings status|wifi network name|current network)",
    "(network|connection|internet|connectivity) (status|state|check|info)",
    "(what|which) (network|wifi|wifi network|wireless network|wi fi|wi fi network) (am i on|am i connected to|are we on|are we connected to|am i using|is this|is this computer on|is this machine on|is this connected to|are you on|are you connected to)",
    "(what is|whats) (my|the) (ip|ip address|network|current network|wifi name|wifi network|network name|ssid|local ip|local ip address)",
    "how is (the|my) (internet|network) (doing|connection)",
];

/// `system_status`.
pub const SYSTEM_STATUS: &[&str] = &[
    "(system|computer|machine|battery|memory|ram|cpu|disk|hardware|health) (status|state|health|info|information|stats|report|overview|summary|level|usage|load|check|statistics)",
    "(show|show me|check|tell me|give me|get|display|report|print|view|see|run) [me] [a|the|my|this] [current] (system|computers|computer|machine|battery|memory|ram|cpu|disk|hardware|machines|laptops) (status|state|health|info|information|stats|report|overview|summary|level|usage|load|check|temperature|space|percentage|charge|life|statistics)",
    "(check|show|show me|tell me) (the|my) (battery|cpu|ram|disk space|free space|load|temperature|processor load|uptime|storage|free memory|system load|charge)",
    "how much (battery|charge|power|battery life|battery power|juice|battery charge) (do i have|is left|do i have left|do we have left|remains|have i got|have i got left|is remaining|is there|is there left|does it have|do you have|do you have left|does this laptop have|does my laptop have|does the laptop have left|does my computer have)",
    "how much [free] (memory|ram|disk|disk space|space|storage|storage space|hard drive space|drive space|room|free space) (do i have|is left|is free|do i have left|is available|do we have|do we have left|remains|have i got|is used|is in use|am i using|is being used|have i got left|is there|is there left|is left on this computer|is left on this machine|is free on this computer|is free on this machine|is left on the disk|is free on the disk|does this computer have|do i have free|is remaining|is left on my computer|is free on my computer)",
    "(what is|whats|hows|how is) (the|my|this) (battery|battery level|battery status|battery percentage|battery charge|charge|cpu load|cpu usage|load|system load|memory usage|ram usage|disk usage|disk space|cpu temperature|temperature of the cpu|processor temperature|system status|status of the system|status of this machine|status of the computer|free space|free disk space|battery life|processor load|storage situation|computers status|systems status) [at|like|right now|looking|doing]",
    "how (hot|warm) is (the|my|this) (cpu|processor|computer|machine|pc|laptop|system)",
    "how (busy|loaded) is (the|my|this) (cpu|processor|computer|machine|pc|laptop|system)",
    "how (full|empty) is (the|my) (battery|disk|hard drive|hard disk|drive|ssd|storage)",
    "(is|are) (the|my) (battery|laptop) (charging|charged|full|low|fully charged|plugged in)",
    "(is) (the|my|this) (disk|drive|hard drive|ssd|memory) (full|almost full|running out)",
    "how is (the|this|my) computer (doing|running|holding up)",
    "(how is|hows) (the|this|my) (system|machine) (doing|running|holding up|feeling)",
    "(status|stats|sysinfo|system info)",
    "(status report|battery|battery percentage|battery level|disk space|free space|free memory|cpu load|cpu temperature)",
    "(what percentage|what percent|at what percent) is (my|the) battery [at|on]",
    "(am i) (running low on|low on|out of) (battery|memory|ram|disk space|space|storage)",
];

/// Pieces of these templates.
pub(in crate::interpret) const FRAGMENTS: &[(&str, &str)] = &[
    (
        "off noun",
        "computer|pc|machine|laptop|system|box|notebook|workstation|whole system|whole computer|device|desktop computer|desktop pc",
    ),
    ("off machine", "(the|my|this|our|your) (<off noun>|thing|whole thing) | <off noun> | desktop | the desktop"),
    ("the sleeper", "(the|my|this|our|your) (<machine>|device|thing) | <machine>"),
];
