//! What stands around an order without changing it: greetings, politeness, hesitation, reasons. Never a word that negates,
//! doubts, or says when.

/// Phrases in front of an order.
pub(crate) const BEFORE: &[&str] = &[
    "please | pls | plz | kindly | just | now | then | so | well | um | umm | uh | uhh | uhm | er | erm | hm | hmm | ah | oh | yo | like | \
     actually | quickly | simply | also | and | alright | ok | okay | right | great | good | cool | yes | yeah | yep | sure | look | \
     listen | next | lets see | basically | immediately | anyway | anyways | first | finally | again | now then | okay so | ok so | \
     alright then | oh and | and also | pretty please | real quick | my dear | i mean | you know",
    "(hey|hi|hello|ok|okay|yo|dear|good morning|good evening|good afternoon|howdy|greetings|hallo|hiya|oi) [there|again] [<wake>|pc|laptop|\
     machine|my computer|system|linux|everyone|man|buddy|mate|friend|my friend|dude|pal]",
    "<wake>",
    "(can|could|would|will|wont|cant|couldnt|may|might|wouldnt) you [please|pls|plz|kindly|just|quickly|possibly|maybe|perhaps|also|now|\
     then|go ahead and|for me|help me|help me to|try to|be so kind as to|just please|please just|please also|please go ahead and|go and]",
    "(can|could|would|will) (u|ya) [please|pls|just]",
    "please (can|could|would|will) (you|we|i have you)",
    "please (to|do|just|go ahead and|be so kind as to|be so kind and|do me a favor and|do me a favour and|help me|help me to|try to|\
     proceed to|go and|now|kindly|immediately|make sure to|make sure you|make sure that you)",
    "(can|could|may|shall) we [please|just|maybe|perhaps|now|go ahead and|get you to]",
    "(you (could|can) just|you can|you may)",
    "(go ahead and|go on and|go and|be so kind as to|be so kind and|be a dear and|be nice and|be a good <wake> and|be a sweetheart and|be \
     an angel and|try to|try and|feel free to|make sure to|make sure you|be sure to|be sure you|help me|help me to|help me out and|do me a \
     favor and|do me a favour and|do me a solid and|do me a favor|do me a favour|please go ahead and|proceed to|proceed and|hurry up and|\
     hurry and|quickly go and|come on and|come on|take a second to|take a moment to|go right ahead and|get on with it and|get to work and|\
     your task is to|your job is to|the task is to|just go ahead and)",
    "(i want|i need|i would like|id like|i d like|i would love|id love|id prefer|i would prefer|i require|i request|ill need|i will need|\
     we need|we want|wed like|id need) you to [please|just|go ahead and|kindly|now]",
    "(i want|i need|i would like|id like|i d like|i would love|id love|i wanna|i wish|we want|we need|wed like|we would like|i am trying|\
     im trying|i am looking|im looking|id prefer|i would prefer|i am going to need|im going to need|i feel like i want) to [please|just|\
     quickly|now|also]",
    "(i wanna|id like for you to|i would like for you to|i want for you to|i need for you to|im asking you to|i am asking you to|im \
     telling you to|i order you to|i ask you to|i command you to|i request that you|i ask that you|id like to ask you to|i would like to \
     ask you to|i want to ask you to|i have to ask you to|let me ask you to|may i ask you to|can i ask you to|could i ask you to|may i \
     request you to|could i get you to|can i get you to|could i have you|can i have you|i will have you|allow me to)",
    "(it would|itd|that would|it d|itd really) be (great|nice|good|lovely|helpful|awesome|wonderful|cool|fantastic|amazing|super|perfect|\
     kind|very kind|very helpful|really helpful|really great|very nice|really nice|brilliant|excellent|so kind|ideal|best) (if you [could|\
     would|can|will]|of you to|for you to) [please|just|also]",
    "(it would|itd) (help|help me|help a lot|make me happy|mean a lot|really help|help me a lot|help me out) if you (could|would|can)",
    "(id|i would|i d|wed|we would) [really|very much|greatly|truly] (appreciate it|be grateful|be happy|be glad|be thankful|love it|like \
     it|be so grateful|be so happy|be very happy|be very grateful|be delighted|be obliged) if you [could|would|can|were to] [please|just]",
    "(i was|im|i am|was) (hoping|wondering|curious) (you could|you can|you would|if you|if you could|if you would|if you can|that you \
     could|whether you could|if you might|if you would mind|you might) [please|just|possibly|maybe]",
    "(would|do|could|will) you mind [please|just]",
    "(would|will|could|can) you be (so kind as to|so kind and|able to|willing to|a dear and|kind enough to|good enough to|so good as to|\
     nice enough to)",
    "are you able to",
    "(knock knock|brb|be right back|bbl|afk|no wait|wait no|oh no|call is over|the call is over|call ended|the meeting is over|meeting is \
     over|lunch time|bed time|bedtime|time for bed|time for lunch)",
    "(do you think|you think) you (could|can) [please|just|possibly|maybe]",
    "(any|is there any|is there a) (chance|way|possibility) (you could|you can|that you could|of you|to get you to|for you to|i could get \
     you to|you would)",
    "(would it be) (possible|ok|okay|alright|all right|fine) [for you|with you] (to|if you|if i asked you to|if i ask you to)",
    "is it possible for you to",
    "if you (can|could|would|please|dont mind|like|would be so kind|would please|have a moment|have a second|have time|would be so good|\
     will|dont mind please|could please|wouldnt mind)",
    "if (possible|its possible|it is possible|its not too much trouble|its ok|thats ok|thats okay|its okay|i may|i may ask|its no trouble)",
    "(when|whenever) you (can|get a chance|have a moment|have a second|have a minute|have a sec|have time|get a moment|get a sec|are ready|\
     re ready) [please]",
    "(as soon as possible|as soon as you can|right now|right away|at once|straight away|asap)",
    "(lets|let us|let me) [just|please|go ahead and|quickly|now|try to|also]",
    "[it is|its|i think its|i think it is|i guess its] (time|about time|high time) to",
    "(next|then|now|first) (up|please|you can|id like you to|i want you to|i need you to|step)",
    "(its|it is|that is|thats|this is|it feels|things are|everything is|its getting|it is getting|its all|it seems|it sounds|it looks|its \
     become|its gotten|man its|wow its|ugh its|this feels|that sounds) <too> <annoying> [<where>] [and]",
    "(<volume>|<screen>|music|sound|song|video|movie|room|brightness|backlight|(the|my|this|your|our) [current] (<volume>|<screen>|\
     <brightness>|music|song|room|video|movie|film|track|noise|headphones|headset|earphones|earbuds)) (is|are|seems|seem|looks|feels|is \
     getting|is still|are still|sounds|sound|gets) <too> <annoying> [<where>]",
    "(its|it is|that is|thats|<the> <volume> is|<the> <screen> is|<the> music is) not (loud|quiet|bright|dark|dim|high|low) enough [<where>]",
    "<too> <annoying> [<where>]",
    "[i|we] (cant|can not|cannot|can barely|can hardly|barely|hardly|could barely|couldnt|cant even|cant really|can scarcely|am unable to|\
     am struggling to|could hardly|am having trouble) (hear|see|read|make out|seeing|hearing|reading) [anything|a thing|it|you|this|that|\
     the screen|the display|a word|well|anything at all|it well|the music|the song|the video|the sound|the movie|my screen|my music|the \
     audio|whats on the screen|it properly|properly|very well|them|clearly|what youre saying] [in here|here|on the screen|on this screen|\
     well|properly|very well|at all|anymore|clearly]",
    "(my|your) (eyes|ears) (hurt|are tired|are hurting|are burning|are ringing|are bleeding|are killing me|are straining|are strained|ache|are sore)",
    "(its|it is|this is|that is|that) (hurting|hurts|burning|killing|blinding|straining) (my|our) (eyes|ears)",
    "(im|i am|were|we are) (done|finished|going to bed|off|off to bed|leaving|heading out|going home|heading home|tired|off to lunch|\
     stepping out|stepping away|going out|out of here|going to sleep|going to lunch|going away|heading to bed|logging off|off to work|done \
     working|walking away|taking a break|going on a break|on a call|in a meeting|on the phone|going for lunch|going for a walk|getting \
     coffee|turning in|all done|calling it a day|calling it a night|heading off|signing off|getting off|off now|back|about to leave|about \
     to go|about to head out) [for today|for the day|here|for now|now|working|with work|for the night|for a bit|for a while|with this|with \
     it]",
    "(thats it|thats all|that is all|thats enough|enough|thats better|thats it for (tonight|today|now|the day)|its been a while|almost|\
     perfect|not yet|almost there|nearly|close|nice) [for today|for the day|for now|for the night]",
    "(good night|goodnight|night|nighty night|bye|goodbye|bye bye|see you|see you tomorrow|see you later|thanks|thank you|excuse me|sorry|\
     my bad|oops|hang on|wait|one moment|attention|pardon|pardon me|sorry to bother you|sorry to bother|im sorry|whoops|ugh|argh|damn|wow|\
     man|gosh|ouch|hold on|dude|bro|buddy|mate)",
    "(quick|one more thing|next thing|new task|task|command|order|request|quick favor|quick favour|quick request|small favor|one more|last \
     thing|one last thing|another thing|a favor please|id like to make a request|i have a request|quick one|voice command)",
    "(i think|i believe|i guess|i suppose|i figure) (its|it is) time to",
    "is time to",
    "(start|begin|try|commence)",
    "(i|we) (need|want|could use|would like|prefer) (some|a little|a bit of|more|peace and|a little peace and|some peace and|a bit of \
     peace and|a moment of) (quiet|silence|peace|privacy|help|light)",
    "i have (a headache|a call|to go|to leave|to run|a meeting|work to do)",
    "(the|my) (baby|kid|kids|wife|husband|child|children|dog|boss|neighbors|neighbours|roommate|kid is|family) (is|are) (sleeping|asleep|\
     here|complaining|resting|napping|home|coming|trying to sleep|on the phone)",
    "(someone|somebody|my boss|the boss|mom|dad|my mom) (is|s) (coming|here|at the door|calling|behind me|on the phone)",
    "(the phone|my phone) is ringing",
    "(help|emergency|urgent|its urgent|this is urgent|quick question|this is important|important|its important)",
    "(be a pal and|be a good sport and|be a good <wake>|be a good lad and|be a mate and|be a good boy and|be a good girl and|be my guest \
     and|be a champ and|be a star and|be a darling and|be a doll and|be a hero and|be a legend and|be a gem and)",
    "(would|will|is) it be (ok|okay|alright|all right|possible|fine|too much) if you (could|would|can) [please|just]",
    "is it (ok|okay|alright|too much to ask for you) if you",
    "(if|when|whenever) (you get|you have|you find|youve got) (a chance|the chance|a moment|a second|a sec|a minute|time|some time|a free \
     moment|a spare moment|the time)",
    "(whenever|when) (youre|you are|you re) (ready|free|able|done with that)",
    "(i|id|i would|we|wed|we would|i d) [really|just|kindly|absolutely|seriously|desperately|urgently|honestly|still|also|simply|do] (need|\
     want|love|like|prefer|require|appreciate) [it] [for] [you|it if you|if you] (to|could|would|could please|would please) [please|just|\
     quickly|go ahead and]",
    "(i|we) [really|just|do|would] (need|want|wanna|would like|like) to",
    "(i wonder|im wondering|i am wondering|wondering|just wondering|i was wondering|i was just wondering|i wondered) (if|whether) (you|you \
     could|you would|you can|you might|you could please|you could possibly|you could maybe|you could just|i could ask you to|i could get \
     you to|i could have you|youd|you would mind) [please|just|be able to|be so kind as to]",
    "(i was hoping|i am hoping|im hoping|hoping|i hope|i was kind of hoping|i was just hoping) (youd|you would|you could|you can|you might|\
     you will|you could please|i could get you to|i could have you|i could ask you to) [please|just|be able to]",
    "(sorry|sorry to bother you|sorry to bother|hate to ask|i hate to ask|hate to bother you|i hate to bother you|i know youre busy|i know \
     you are busy|not to bother you|sorry to interrupt|pardon the interruption|apologies) [again] but",
    "(thanks in advance|thank you in advance|cheers in advance|many thanks)",
    "(think|reckon|figure|do you reckon|you reckon|you suppose|do you suppose|would you say) you (could|can|might be able to) [please|just|\
     possibly|maybe]",
    "(would you mind|do you mind|mind|you mind|would you be willing to|you wouldnt mind) [if i ask you to|if i asked you to]",
    "(i [hereby|kindly|respectfully|politely|strongly] (order|command|request|ask|instruct|direct|demand|tell|urge|bid|implore) [that] \
     you) [to] [please|now]",
    "(im|i am) (requesting|ordering|commanding|instructing|directing|begging) [that] you [to]",
    "(my (request|command|order|instruction|wish) (is|would be) [for you] to)",
    "(might|could|can|may|shall) i (ask|trouble|get|have|request|bother|persuade|convince) you (to|for a favor) [please|just]",
    "(all i want|what i want|what i need|what id like|what i would like|all i need|all i ask|the thing i want|what i want now|what id \
     love) [you to do|from you|you to do now|now|right now|right now from you] is [for you] [to]",
    "(let me see|lets see|you know what|tell you what|i tell you what|guess what|know what|see here|look here|listen up|listen here|listen \
     carefully|heads up|all righty|alrighty|alrighty then|okey dokey|okie dokie|okey doke|okay dokey|righto|right oh|roger|okay okay|ok ok|\
     awesome|perfect|excellent|super|sweet|lovely|brilliant|wonderful|fine|fair enough|hmm ok|hmm okay|hmm lets see|um yeah|uh yeah|yeah \
     so|yes so|aight|kk|okie|welp|gee|jeez|geez|yikes|blimey|crikey|bloody hell|oh boy|oh man|oh dear|oh well|ah well|my goodness|goodness|\
     sigh|okay well|no no|nah) [now|then|so]",
    "(for me|for (gods|heavens|goodness|petes|christs|fucks) sake|for the love of (god|all that is holy|all things holy)|i beg you|im \
     begging you|i am begging you|i implore you|come on|cmon|cmon now|come on now|please please|please please please|pretty pretty please|\
     i said|i repeat|again i say|as i said|like i said)",
    "(my friend|old friend|old chap|old boy|good sir|kind sir|dear <wake>|my dear <wake>|mr <wake>|my good <wake>|good <wake>|hey you|you \
     there|oi you|<wake> dear|<wake> my friend|<wake> buddy|folks|people|boss|chief|captain|champ|sir|maam|madam|honey|sweetie|darling|\
     babe)",
    "(id be|i would be|wed be|we would be) [so|very|really|most|eternally|forever] (grateful|thankful|happy|glad|obliged|much obliged|\
     delighted|pleased) if you [could|would|can|will|were able to] [please|just]",
    "(please be (good|nice|kind|a dear|a pal|a sweetheart) and)",
    "(let me|allow me to|permit me to|enable me to)",
    "(lets|let us|can we|could we|shall we) (all|now|just|please|maybe|perhaps|quickly|go ahead and|try to|get to it and)",
    "(im|i am|were|we are) (going to|gonna) (need|want|ask|have to ask) you to",
    "(id|i would|wed|we would|i d) like (to|for you to|it if you|you please to|you now to|to please|to now|to quickly|to just)",
    "(lets call it a (day|night)|calling it a (day|night)|time to call it a (day|night)|thats me done|thats me for today|thats me for the \
     day|im calling it a (day|night)|time to go|time to head out|gotta go|got to go|gotta run|got to run|ive got to go|i gotta go|i gotta \
     run|off to bed|off i go|heading out|heading home|going home|going out|time for a break|coffee break|lunch break|break time|back soon|\
     be back soon|back in a bit|back in a minute|back in five|stepping out|stepping away|leaving now)",
    "(no need for it|never mind that|forget that|scratch that|on second thought|actually on second thought|come to think of it|while youre \
     at it|while you are at it|while were at it|while im at it|as a favor|as a favour|as a favor to me|as a courtesy)",
    "(i think|i guess|i suppose|i believe) (ill|i will|id like to|i would like to|i want to|i need you to|id like you to|i want you to)",
    "(tell|show|inform|remind) (me|us) [please|again|quickly]",
    "(let me know|let us know|(can|could|would|will) you (tell|show|inform) (me|us)|do you know|you know|do you happen to know|any idea|\
     have you any idea|do you have any idea)",
    "(i want|i need|i would like|id like|i wanna|id love|i would love|im curious|i am curious|curious) to (know|see|find out|check|hear|learn)",
    "please you",
    "((no|nope) [no] thats (wrong|not right|not it|not what i (wanted|meant|asked for))|before i forget|thats me done|thats me done for \
     (the day|today|now|the night)|first things first|be a love and|no no no|no no|honestly|seriously|quick quick|thanks for (everything|\
     today|everything today|all your help|your help|the help|that)|long day|busy day|all done here|okay then|so then|and now|and then|\
     right so|ok right)",
    "(go ahead|proceed|get on|carry on|crack on|get going|move ahead) with",
    "(love|luv|hun|hon|sweetheart|dearie|my love|fella|lads|lad|matey)",
    "(be so good as|be so kind as|be kind enough|be good enough|be nice enough) to",
    "(im looking for|i am looking for|looking for) you to",
    "(ready to|able to|prepare to|get ready to|set about|commence to|start to|begin to)",
];

/// Phrases behind an order.
pub(crate) const AFTER: &[&str] = &[
    "please | pls | plz | thanks | thx | ty | cheers | ta | kindly | now | immediately | asap | again | already | quickly | quick | ok | \
     okay | then | too | man | will you | would you | can you | could you | cant you | wont you | right | straightaway | pretty please | \
     will ya | would ya | wouldja | yeah | yes | alright | instantly | please please | tyvm | lol | haha | fast | also | as well | anyway | \
     anyways | today please | here please | now now | eh | huh | would you please | will you please | can you please | could you please | \
     could you do that | can you do that | would you kindly | you hear | quietly | gently | slowly | at last | finally | fully | \
     completely | entirely | totally | altogether | right quick | promptly | pronto | stat | only",
    "(thanks|thank you|many thanks|thank you so much|thank you very much|thanks a lot|thanks so much|thanks a bunch|thanks a million|\
     thanks a ton|thanks in advance|much appreciated|thank you kindly|thank you in advance|much obliged|appreciate it|i appreciate it|id \
     appreciate it|i would appreciate it|id really appreciate it|thats appreciated|that would be appreciated|it would be appreciated|with \
     thanks|good work|good job|youre the best|you are the best|that would be great|that would be nice|that would be lovely|thatd be great|\
     thatd be nice|that would help|it would be great|that would be perfect|that would be awesome) [again|dear]",
    "and (its|their|all its|all of its|all the) (dependencies|config|configuration|settings|data|leftovers|config files)",
    "(please|thanks) and (thank you|thanks|please)",
    "(for me|for us|real quick|right now|right away|at once|straight away|as soon as possible|as soon as you can|as fast as possible|as \
     quickly as possible|as fast as you can|this instant|this minute|this second|this very moment|if you please|one more time|once more|\
     once again|for a bit|for a moment|for a while|for a second|for now|at the moment|if you dont mind|for a minute|on my behalf|this time|\
     for the moment|just this once|in here|for a sec|for the time being|right this second|right this minute|for me now|yet again|just now|\
     without delay|by the way|after all|for good|for real|first thing|first|if you dont mind me asking|to me|no matter what|and thats it|\
     and thats all|thats all|thats it|that is all|nothing else|nothing more)",
    "if (you (can|could|would|please|dont mind|like|wouldnt mind|would be so kind|have a moment|have a second|will|have time|have a minute|\
     have the time|may|so please|dont mind doing so|could please|would please)|possible|its possible|it is possible|thats ok|thats okay|\
     thats alright|thats all right|thats possible|its ok|its okay|its alright|its not too much trouble|its no trouble|its not a problem|\
     its not too much to ask|thats not a problem|thats fine)",
    "when (you (can|get a chance|have a moment|have a second|have a minute|have time|have a sec|get a moment|are ready|get the chance)|\
     possible|youre ready|convenient)",
    "<wake>",
    "(buddy|mate|dude|pal|bro|dear|darling|honey|sir|my dear|sweetie|maam|my good <wake>|old friend|old chap|boss|chief|captain|champ|sis|\
     babe|good <wake>|dear <wake>|madam)",
    "(for (gods|heavens|goodness|petes|christs|fucks) sake|for crying out loud|for the love of (god|all that is holy|all things holy)|damn \
     it|dammit|damnit|goddammit|darn it|dang it|will ya|would ya|hurry|hurry up|and hurry|and hurry up|chop chop|come on|come on now|cmon|\
     cmon now|go on|lets go|go go go|do it|do it now|just do it|now do it|over and out|thats an order|thats all i ask|thats all i want|\
     there you go|there we go|off you go|off we go|on the double|double quick|lickety split|pretty pretty please|i beg of you|i implore \
     you|if i may|if i may ask|if i might ask|no rush|no hurry|take your time|when ready|whenever possible|at your leisure|at your \
     convenience|at your earliest convenience|at your earliest|in one go|one time|this once|just this one time|while youre at it|while you \
     are at it|while youre there|real fast|super quick|super fast|fast please|make it quick|make it snappy|make it fast|be quick|be quick \
     about it|youre a star|youre a legend|youre a lifesaver|youre awesome|youre great|you rock|please and ta|thnx|tks|thankyou|thank u|\
     thank ya|many many thanks|big thanks|thanks again|thanks man|thanks mate|thanks buddy|thanks pal|thanks dear|thanks love|grateful|id \
     be grateful|i would be grateful|id be very grateful|i would be very grateful|id appreciate that|i would appreciate that|thatd be \
     awesome|thatd be lovely|thatd be perfect|thatd be grand|thatd be super|thatd be helpful|that would be super|that would be grand|that \
     would be helpful|that would be wonderful|that would help a lot|that would really help|itd help|it would help|itd be great|itd be nice|\
     itd be lovely|it would be nice|it would be lovely)",
    "and (good night|goodnight|bye|goodbye|have a good (night|day|evening|one)|see you|see you tomorrow|good bye|night night|sleep well) \
     [then|now|<wake>]",
    "(good night|goodnight|bye|goodbye|bye bye|night night|see you|see you tomorrow|see ya|ciao)",
    "(the|my) (baby|kid|kids|wife|husband|child|children|dog|boss|neighbors|neighbours|roommate|family|others) (is|are) (sleeping|asleep|\
     here|complaining|resting|napping|home|coming|trying to sleep|in bed|crying)",
    "my (head|ears|eyes) (hurts|hurt|is killing me|are killing me|are tired|is pounding|is spinning)",
    "(my|the) (battery|phone|laptop) is (low|dying|nearly dead|almost dead|almost empty|ringing)",
    "(my friend|theres a good (chap|lad|fellow|boy|girl|<wake>)|love|luv|hun|hon|sweetheart|dearie|fella|matey|shall we|will we|could we|can we|while i (grab|get|make|fetch|have|take|drink|eat|go \
     get|pop out for) (a|some|my) (coffee|tea|drink|lunch|snack|breakfast|dinner|water|bite|sandwich|shower|break|call|nap))",
    "while i (grab coffee|get coffee|make coffee|make tea|grab lunch|have lunch|eat|step out|step away|pop out|am away|am out|am gone|am \
     on the phone|am on a call|take this call|take a call|talk|work|read)",
    "while im (away|out|gone|on the phone|on a call|in a meeting|at lunch|on a break|eating|talking|working|reading|busy|in class|cooking|\
     in the shower|on this call)",
    "for (movie night|the movie|a movie|the film|a film|reading|work|class|gaming|the game|my class|my meeting|a meeting|the meeting|a \
     call|the call|this call|a video call|my presentation|the presentation|bed|bedtime|dinner|guests|the kids|the baby|school|my eyes|\
     everyone|us all|the night|some music|my music|the podcast|my podcast|the show|a show)",
    "(i mean|is what i mean|thats what i mean|i meant|that is)",
    "and (be quick about it|make it quick|make it snappy|make it fast|be quick|quickly|thats an order|thank you|thanks|thats final|no \
     arguing|no buts|do it now|do it fast|be done with it|hurry)",
    "(if|when|whenever) (you get|you have|you find|youve got) (a chance|the chance|a moment|a second|a sec|a minute|time|some time|a free \
     moment|a spare moment|the time)",
    "(could|can|would|will) you (do that|do that for me|do this|do this for me|please do that|do that please|kindly|kindly please|manage \
     that|handle that|take care of that|sort that out|make that happen)",
    "(for the night|for the day|for today|for tonight|for the evening|for the weekend)",
    "(its|it is|that is|thats|this is|its getting|its all|it seems|it sounds|it looks) <too> <annoying> [<where>]",
    "(the|my|this) (<volume>|<screen>|<brightness>|music|room|song|video|noise) (is|are|seems|sounds|looks) <too> <annoying> [<where>]",
    "i (cant|can not|cannot|can barely|can hardly) (hear|see|read|sleep|concentrate|focus|think|work) [anything|a thing|it|you|the screen|\
     well|the music|the video|anything anymore] [in here|here|like this]",
    "(my|it hurts my|it is hurting my|its hurting my|its burning my) (eyes|ears) [hurt|are tired|are hurting|are burning]",
    "(its|it is|thats|that is) (hurting|burning|blinding|killing) me",
    "(i need it|i need this|i want it|i need them|i need that|ill need it|i need it now|i need it for work|im going to need it|im in a \
     hurry|i am in a hurry|im in a rush|im late|its urgent|it is urgent|im busy|im waiting|i beg you|im begging you|i said|i say|i insist|\
     i asked nicely|im done|i am done|im leaving|i am leaving|im tired|im off|im going|im going to bed|im off to bed|im on a call|im in a \
     meeting|im heading out|im done with it|im done for today|im done for the day|i dont need it|i dont need it anymore|i dont need it any \
     more|i dont use it|i dont use it anymore|i never use it|i no longer need it|i dont want it anymore|i dont like it|i hate it|its \
     useless|its broken|its slow|it is slow|its frozen|its stuck|its acting up|its hot in here|its annoying|it annoys me|i love this song|\
     i like this song|i love this)",
    "(to|in order to) (save|conserve|preserve|spare|protect) [some|the|my|on] (battery|power|energy|electricity|eyes|life|battery life|\
     battery power|screen|juice)",
    "(to|in order to) (free|free up|save|make|clear) [some|up] (space|room|disk space|memory|storage)",
    "(for|to get|so i get) (better|some) (security|privacy|peace|quiet|sleep|visibility|peace and quiet|rest)",
];

/// Pieces of these phrases.
pub(crate) const FRAGMENTS: &[(&str, &str)] = &[
    ("wake", "steward | computer | assistant | agent | jarvis | robot | bot"),
    (
        "too",
        "[way|a bit|a little|a little bit|far|much|so|just|really|still|much much|way way|a tad|kind of|kinda|somewhat|always] too | so | \
         so damn | so very | very | really | pretty | awfully | super | extremely | quite | rather | a bit | a little | incredibly | \
         insanely | ridiculously",
    ),
    (
        "annoying",
        "loud | quiet | bright | dark | dim | silent | noisy | low | high | soft | blinding | faint | hard to hear | hard to see | loud \
         enough | bright enough | quiet enough | dark enough | weak | intense | harsh | strong | deafening | glaring | gloomy | murky | \
         down | up",
    ),
    (
        "where",
        "in here | here | for me | right now | now | today | out here | outside | around here | for my eyes | for my ears | for this room | \
         at the moment | for the room | in this room | for us | to hear | to see | to read | for my taste | for my liking | tonight | this \
         morning",
    ),
];
