//! Notes, and talk with the agent itself.

/// `ping`.
pub const PING: &[&str] = &[
    "ping [me|steward|test]",
    "(are|r) you [still] (there|here|alive|awake|up|running|working|ready|listening|around|okay|ok|with me|available|active|on|responding|up and running|alright|all right|there still)",
    "(you|u) [still] (there|here|alive|awake|up|ready|listening|around|with me|okay|online)",
    "(still|anybody|anyone|is anybody|is anyone|somebody) (there|here|alive|awake|up|home|listening|around|working|running)",
    "(can|do) you (hear|read|copy) me [ok|okay|now|at all]",
    "(hello|hi|hey) [there] (steward|assistant|computer|agent)",
    "(hello|hi|hey) [there] (are you there|anyone there|anybody there|you there)",
    "(is|are) (steward|the assistant|the agent|the daemon|this thing) (there|alive|up|running|working|on|online|awake|ready|listening)",
    "(say|respond|answer) (pong|something if you are there|if you are there|if you can hear me|if you are alive)",
    "(test|connection test|do you copy|are you receiving|do you work|does this work|is this working|is this thing on|are you functioning|are you operational|testing|you working)",
];

/// `get_capabilities`.
pub const GET_CAPABILITIES: &[&str] = &[
    "(what|whatever) [else|all|things|exactly] (can|could|do) (you|u|it|this|steward|this thing|this agent|the agent|this assistant|the assistant|this program) [actually|really|all|even] (do|offer|support|perform|help with|handle|control|understand|execute) [exactly|here|for me|now|on this computer|on this machine]",
    "(what|which) [kinds|kind|sorts|sort|types|type] of (things|stuff|commands|tasks|actions|questions|requests) (can|could|do|are) (you|i|we) [do|ask|ask you|understand|perform|support|handle|give you|say|able to do|able to perform|help with|help me with] [for me]",
    "(what|which) (commands|actions|things|tasks|requests|functions|features|capabilities|skills|abilities|questions|options|operations) (are|do|can|could|am) (there|you|available|i|supported|known|possible) [available|have|know|do|understand|support|perform|offer|use|ask|ask you|give you|allowed to ask|run|handle|say|execute|provide]",
    "what (can|could|may|should|do) i (ask|say|tell you|ask you|say to you|use you for|do with you|do here|ask for|ask you to do|ask of you|have you do|tell you to do|get you to do|request|command|do with this|ask you for) [to do|for]",
    "what (questions|things|commands) (am i allowed to|can i|may i|could i|should i) (ask|say|give|use) [you]",
    "what (are|is) your (capabilities|skills|commands|abilities|features|functions|options|powers|talents|job|purpose|function|role)",
    "what (can you|could you|are you able to|do you) (do|help|help me|help with|help me with|help us with|assist with|assist me with|be used for|do for me|do for us|be asked)  [exactly|with|for|today]",
    "what are you (able to do|capable of|good for|good at|for|able to help with|able to help me with|capable of doing|here for|designed to do|meant to do|programmed to do)",
    "(how|in what way|in what ways) (can|could|do|may) (you|i) (help|help me|assist me|be of help|use you|benefit from you|benefit from using you|make use of you|work with you|control you|talk to you|command you|interact with you|be useful|be useful to me)",
    "(show|list|show me|tell me|give me|print|display|name|explain|describe) [me] [all] [of] [the|your|a list of|all your|a list of all] [available|supported|possible|known] (commands|actions|capabilities|skills|features|abilities|functions|options|things you can do|your capabilities|your commands|your skills)",
    "(show|list|show me|tell me|give me|print|display|explain|describe) [me] (what you can do|what you can help with|what you do|what you are able to do|what you can help me with|what i can ask|what i can ask you|what i can say|what i can do|what you are capable of|what commands you know|what commands there are|what you support|what you know)",
    "(help|commands|capabilities|actions|help me|menu|command list|list of commands|usage|help please|show help|show me help|i need help|get help|list commands|display help|print help|what now|your commands)",
    "(what do you know how to do|what do you do|what do you offer|what do you know|what all can you do|what else|how do you work|tell me about yourself|what is possible|what is there to do|introduce yourself|what are my options|what are the options|what are the commands|what are you|who are you)",
    "(is there|do you have) (a|any) (help|list of commands|command list|help page|manual|list of what you can do|list of things you can do|list of actions)",
];

/// `remember`. `{note}` takes all that follows to the letter; where the lead-in is weak, `{fact}` wants a statement.
pub const REMEMBER: &[&str] = &[
    "remember (that|this|the following|for me|for later|for me that|for later that|the fact that|from now on that|for the future that|for next time that) {note}",
    "(note|note down|take note|make note|jot down|jot|write down|record|store|save|log|memorize|memorise|keep note|scribble down) (that|this|the following|the fact that|of the fact that) {note}",
    "(make|take|add|save|write|create|store|keep|leave|jot down|write down|record|put down|set|file|post|do|give me|new) (a|an|another|the) [quick|new|short|mental|little|small] (note|memo|memory|entry|note to self) [that|saying|saying that|which says|with|about the fact that|to self|to self that|to say|to myself|to myself that|for me|for me that|reading|of this|of the following|of the fact that] {note}",
    "(note|memo|reminder) (to self|to myself|for me|for myself|for later) [that] {note}",
    "new note {note}",
    "(dont|do not|never|please dont|please do not|you must not|let us not|lets not|cant) forget (that|the fact that|this) {note}",
    "(dont|do not|never) let (me|us) forget that {note}",
    "(keep|bear|have) in mind that {note}",
    "(keep|bear) in mind {fact}",
    "(keep|bear|keep it) in memory that {note}",
    "(commit|save|put|add|store) (to memory|to notes|to my notes|to your memory|in memory|in your memory|to your notes|in my notes|into memory) [that|this|the following] {note}",
    "(remember|memorize|memorise|jot down|write down|note down|note|take note|dont forget|do not forget|make a mental note|take down|log|mark down|record|save|never forget) {fact}",
    "(for your information|fyi|for the record|for future reference|for reference|for later) [please] [remember|note|note that|remember that|keep in mind|keep in mind that] {fact}",
    "(i want|i need|i would like|id like) you to (know|remember|note|keep in mind) (that|this) {note}",
    "(you should|you must|you need to) (know|remember|note) that {note}",
    "(learn|know) that {note}",
    "(add|save|store|put|write) this (note|to my notes|to memory|in my notes|down) {note}",
];

/// `read_context`. Without words: the last notes.
pub const READ_CONTEXT: &[&str] = &[
    "what (do|can) you (remember|recall|have in memory|have in mind|have noted|have stored|have saved|have on file) [so far|for me|now|at the moment] => default",
    "what (do|can) you (remember|recall|know|have noted|have stored|have saved) about me => default",
    "what (have|did) (i|we) (told you to remember|tell you to remember|asked you to remember|ask you to remember|noted|note|told you to note|asked you to note|saved|save|tell you to note|ask you to note|ask you to keep in mind|tell you to keep in mind|stored|note down|noted down|written down|write down|ask you not to forget|tell you not to forget|asked you not to forget) [so far|earlier|before] => default",
    "what (was|were) (i|we) (asking you to remember|telling you to remember|asking you to note|asking you to keep in mind|asking you not to forget) => default",
    "what (have you|did you) (remembered|remember|noted|noted down|note|stored|saved|write down|note down|written down|memorized|memorised) [so far|for me] => default",
    "what (are|is|is in|is on|are in) (my|the|your) (notes|memory|saved notes|memories|stored notes|notepad|note list|list of notes) => default",
    "whats (in|on|inside) (my|the|your) (notes|memory|memories|saved notes|note list) => default",
    "(what|which) (notes|memories|things|facts) (do|have|did|are|were) (you|i|we) [have|saved|stored|got|keep|kept|noted|remember|made|taken|take|told you to remember|recorded|written|asked you to remember|in memory|remembered] [saved|stored|noted|so far|for me] => default",
    "(show|list|read|show me|read me|read out|tell me|give me|display|print|view|open|read back|see|get|recall|bring up|pull up|recite|go through|check|review|look at|fetch) [me] [all|all of|all the] [the|my|your] [recent|latest|last|saved|stored|current|existing|old] (notes|memories|saved notes|memory|memos|noted things|list of notes|stored notes) [back|out|to me|aloud|out loud|again|from memory|you have|you saved|i made] => default",
    "(show|list|tell|read|show me|tell me|remind me|give me|read me|repeat|list out) [me] [everything|all|of] [that] [what] (you remember|you have remembered|you have noted|you know about me|i told you to remember|i asked you to remember|you have in memory|you noted|ive told you to remember|ive asked you to remember|i told you|i noted|you have saved|you have stored) [so far] => default",
    "(notes|my notes|memory|show memory|saved notes|context|show context|read context) => default",
    "(do you remember anything|do you have any notes|are there any notes|do i have any notes|do i have notes|have i left any notes|have i saved any notes|any notes) [saved|for me|stored] => default",
    "what (do|can) you (remember|recall|have noted|have in memory|know) about {words}",
    "what (did|have) i (say|said|note|noted|tell you|told you|write|written|write down|save|saved|ask you to remember) about {words}",
    "(search|look through|look in|check|search through|search in|go through) [all] (my|the|your) (notes|memory|memories|saved notes) for [anything about|anything on|notes about|something about] {words}",
    "(find|show|show me|read|list|read me|get|tell me|look up|search for|search|recall|bring up|open|give me) [me] [all] [the|my|any] (notes|note|memories|memory) (about|on|regarding|for|mentioning|containing|with|that mention|related to|concerning) {words}",
    "(what|which) notes (do i have|are there|do you have|have i got|mention|did i make|did i take) (about|on|regarding|mentioning) {words}",
    "(tell me|show me|read me) what you (remember|know|noted|have noted) about {words}",
    "(do i have|are there|do you have|is there) (a|any) (notes|note|memory) (about|on|regarding|mentioning) {words}",
];

/// `forget`.
pub const FORGET: &[&str] = &[
    "(forget|delete|remove|erase|drop|discard|clear|get rid of|throw away|trash|scrap|wipe|strike) (the|my|that|your|our) [last|old] (note|memory|memo|notes|memories|entry) (about|on|regarding|of|that says|saying|for|mentioning|with|that|concerning|called|titled) {words}",
    "forget (what i said|what i told you|what you know|everything you know|what i noted|anything i said|that i said|all you know|everything i said|what you remember|everything i told you|all i told you|what i have told you) about {words}",
    "forget that {words}",
    "forget about {words}",
    "forget (my|the|our) {words} note",
    "forget note {words}",
    "(delete|remove|erase|drop) note {words}",
    "(stop remembering|unremember|un-remember|no longer remember) [that|about] {words}",
    "(remove|delete|erase|drop|clear) {words} from (your memory|memory|your notes|my notes|the notes|the memory)",
];

/// `undo`.
pub const UNDO: &[&str] = &[
    "undo [it|that|this|the last|last]",
    "undo (the|my|your|that|this) [last|previous|most recent] (thing|action|change|command|step|operation|one|order)",
    "undo (last|previous) (thing|action|change|command|step|operation|one|order)",
    "undo what (you|i) [just] (did|have done|changed)",
    "undo (what you just did|what you have just done|what just happened|whatever you just did|whatever you did|what was just done)",
    "(revert|reverse|roll back|rollback|take back|back out|unwind|cancel out|reverse out) (it|that|this|the last|what you did|what you just did|whatever you just did|the change|your change|your last change)",
    "(revert|reverse|roll back|rollback|take back|back out) (the|my|your|that|this) [last|previous|most recent] (thing|action|change|command|step|operation|one|order)",
    "(take|roll) (that|it|this) back",
    "(roll|take) back (the) (last|previous) (change|action|step)",
    "(put|change|set|turn|switch|bring) (it|that|things|everything) back (how it was|the way it was|as it was|how they were|the way they were|to how it was|to what it was|to the way it was|like it was|as they were|to before|how it was before|the way it was before)",
    "(change|put|switch|set) (it|that) back [again]",
    "(go|step) back (one step|a step)",
    "(i|we) (want|need|would like) to undo (that|it|this|the last thing|what you did)",
];

/// `pending_list`.
pub const PENDING_LIST: &[&str] = &[
    "(what is|whats|what are|is anything|is there anything|anything|is something|are any requests|what requests are|which requests are|what actions are|which actions are|what things are) [still|currently|now] (pending|waiting|waiting for me|waiting for approval|waiting for confirmation|waiting for my approval|waiting for my confirmation|to be confirmed|to be approved|awaiting approval|awaiting confirmation|awaiting my approval|left to confirm|held|on hold|waiting to be approved|waiting to be confirmed|to confirm|to approve)",
    "(show|list|show me|tell me|display|give me|read|see|view|print|check) [me] [all|the|my|all the|any|what] [of] [the|my] (pending requests|pending confirmations|pending actions|pending|pending approvals|open confirmations|open requests|waiting requests|held requests|confirmations|pending commands|requests waiting|approvals|outstanding requests|outstanding confirmations|what is pending|unconfirmed actions|pending list|pending items|pending things)",
    "(show|list|show me|tell me) (whats|what is) (pending|waiting|waiting for me|waiting for my approval|waiting for approval|waiting for confirmation|on hold)",
    "what (needs|requires) (my approval|my confirmation|confirming|approval|confirmation|approving|to be approved|to be confirmed|my ok|my okay)",
    "(do i have|are there|have i got) [any|some|anything] (pending requests|pending confirmations|pending actions|open confirmations|pending approvals|confirmations waiting|requests waiting|confirmations pending|requests pending|to confirm|to approve|pending)",
    "what (do i|am i) (have to|need to|supposed to|still have to|still need to) (confirm|approve)",
    "(pending|pending requests|pending confirmations|pending actions|pending list|open confirmations)",
    "(what are you|are you) waiting for [me to confirm|me to approve|from me]",
];
