//! What stands around an order without changing it: greetings, politeness, hesitation, reasons. Never a word that negates,
//! doubts, or says when.

/// Phrases in front of an order.
pub(in crate::interpret) const BEFORE: &[&str] = &[
    "please | pls | plz | kindly | just | now | then | so | well | um | uh | uhm | er | erm | hm | hmm | ah | oh | yo | like | actually | quickly | simply | also | and | alright | ok | okay | right | great | good | cool | yes | yeah | yep | sure | look | listen | next | lets see",
    "(hey|hi|hello|ok|okay|yo|dear|good morning|good evening|good afternoon|howdy|greetings) [there] [<wake>|everyone]",
    "<wake>",
    "(can|could|would|will|wont|cant|couldnt) you [please|pls|kindly|just|quickly|possibly|maybe|perhaps|also|now]",
    "(can|could|would) (u|ya) [please|pls|just]",
    "please (can|could|would|will) you",
    "you (could|can) just",
    "(go ahead and|go on and|go and|be so kind as to|be so kind and|be a dear and|be nice and|try to|feel free to|make sure to|be sure to|help me|help me to|help me out and|do me a favor and|do me a favour and|please go ahead and|proceed to|hurry up and|quickly go and|come on and|come on)",
    "(i want|i need|i would like|id like|i d like|i would love|id love|id prefer|i would prefer) you to [please|just]",
    "(i want|i need|i would like|id like|i d like|i would love|id love|i wanna|i wish|we want|we need|wed like) to",
    "(i wanna|id like for you to|i would like for you to|i want for you to|im asking you to|i am asking you to|im telling you to|i order you to|i ask you to)",
    "(it would|itd|that would|it d) be (great|nice|good|lovely|helpful|awesome|wonderful|cool|fantastic|amazing|super|perfect|kind) if you (could|would|can|will) [please|just]",
    "(id|i would|i d) (appreciate it|be grateful|be happy|be glad|be thankful|love it|like it) if you (could|would|can)",
    "(would|do|could|will) you mind [please|just]",
    "(would|will|could) you be (so kind as to|so kind and|able to|willing to|a dear and)",
    "are you able to",
    "is it possible for you to",
    "if you (can|could|would|please|dont mind|like|would be so kind|would please)",
    "(when|whenever) you (can|get a chance|have a moment|have a second|have a minute)",
    "(lets|let us) [just|please|go ahead and|quickly]",
    "(its|it is|that is|thats|this is|it feels|things are) <too> <annoying> [in here|here|for me|right now|now|today]",
    "(<volume>|<screen>|music|sound|room|(the|my|this) (<volume>|<screen>|music|room)) (is|are|seems|looks) <too> <annoying> [in here|here|for me|right now|now]",
    "<too> <annoying> [in here|here|for me|right now]",
    "i (cant|can not|cannot|can barely|can hardly|barely|hardly|could barely|couldnt) (hear|see|read|make out) [anything|a thing|it|you|this|that|the screen|the display|a word|well|anything at all|it well] [in here|here|on the screen|on this screen]",
    "my eyes (hurt|are tired|are hurting|are burning)",
    "im (done|finished|going to bed|off|off to bed|leaving|heading out|going home|heading home|tired|off to lunch|stepping out|stepping away|going out|out of here) [for today|for the day|here|for now|now|working|with work]",
    "i am (done|finished|going to bed|off|leaving|heading out|going home|tired|stepping away) [for today|for the day|here|for now|now|working]",
    "(thats it|thats all|that is all) [for today|for the day|for now]",
    "(good night|goodnight|night|bye|goodbye|bye bye|see you|see you tomorrow|see you later|thanks|thank you|excuse me|sorry|my bad|oops|hang on|wait|one moment|attention)",
    "(quick|one more thing|next thing|new task|task|command|order|request)",
];

/// Phrases behind an order.
pub(in crate::interpret) const AFTER: &[&str] = &[
    "please | pls | plz | thanks | thx | ty | cheers | ta | kindly | now | immediately | asap | again | already | quickly | quick | ok | okay | then | too | man | will you | would you | can you | could you | cant you | wont you | right | straightaway | pretty please",
    "(thanks|thank you|many thanks|thank you so much|thank you very much|thanks a lot|thanks so much|thanks a bunch|thanks a million|thanks in advance|much appreciated)",
    "(for me|for us|real quick|right now|right away|at once|straight away|as soon as possible|this instant|this minute|this second|this very moment|if you please|one more time|once more|once again|for a bit|for a moment|for a while|for a second|for now|at the moment|if you dont mind|for a minute)",
    "if you (can|could|would|please|dont mind|like|wouldnt mind|would be so kind|have a moment|have a second)",
    "when you (can|get a chance|have a moment|have a second|have a minute)",
    "<wake>",
    "(buddy|mate|dude|friend|my friend|pal|bro|dear|darling|honey|sir|love)",
    "(its|it is|that is|thats|this is) <too> <annoying> [in here|here|for me|right now|now|out here|outside]",
    "(the|my|this) (<volume>|<screen>|music|room) (is|are) <too> <annoying> [in here|here|for me|right now|now]",
    "i (cant|can not|cannot|can barely|can hardly) (hear|see|read) [anything|a thing|it|you|the screen|well] [in here|here]",
    "my eyes (hurt|are tired|are hurting)",
];

/// Pieces of these phrases.
pub(in crate::interpret) const FRAGMENTS: &[(&str, &str)] = &[
    ("wake", "steward | computer | assistant | agent | alexa | siri | google | jarvis | robot | cortana | bot"),
    (
        "too",
        "[way|a bit|a little|far|much|so|just|really|still] too | so | very | really | pretty | kinda too | kind of too | awfully | super | extremely | quite",
    ),
    (
        "annoying",
        "loud | quiet | bright | dark | dim | silent | noisy | low | high | soft | blinding | faint | hard to hear | hard to see",
    ),
];
