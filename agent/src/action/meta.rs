//! Questions and orders about Steward itself. The core answers them; they are subject to ownership and assurance, not to
//! rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steward_policy::{GrantLength, Risk};

use super::types::no_payload;
use super::{Capability, Example, call, say};
use crate::reply::Failure;

/// The longest that `result` waits, in seconds.
pub const MAX_WAIT: u16 = 60;
/// The longest note that goes with a no, in bytes.
pub const MAX_NOTE: usize = 1024;

/// Says that the agent is there.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {}

impl Capability for Ping {
    const NAME: &'static str = "ping";
    const RISK: Risk = Risk::Observe;
    const PHRASES: &'static [&'static str] = &[
        "(ping|pong) [me|steward|test|yourself|the agent|the daemon|the assistant|back|the steward|check]",
        "(are|r) you [still|even|actually|currently|really] (online|there|here|present|functional|operational|functioning|working properly|\
         in there|here with me|reachable|able to hear me|here|alive|awake|up|running|working|ready|listening|around|okay|ok|with me|\
         available|active|on|responding|up and running|alright|all right|there still)",
        "(you|u) [still] (there|here|alive|awake|up|ready|listening|around|with me|okay|online)",
        "(still|anybody|anyone|is anybody|is anyone|somebody) (there|here|alive|awake|up|home|listening|around|working|running)",
        "(hello|hi|hey) [there] (steward|assistant|computer|agent)",
        "(is|are) (steward|the assistant|the agent|the daemon|this thing) (there|alive|up|running|working|on|online|awake|ready|listening)",
        "(say|respond|answer) (pong|something if you are there|if you are there|if you can hear me|if you are alive)",
        "(test|connection test|do you copy|are you receiving|do you work|does this work|is this working|is this thing on|are you \
         functioning|are you operational|testing|you working)",
        "(are|r) (you|u) (listening|there|awake|up|alive|on|online|around|ok|here) (to me|right now|now|at all|for me|buddy|today|or what|or not)",
        "(you|u) (up|on|alive|listening|awake|there|around|ready|here|with me|receiving) [right now|now|or what|today|at all|or not|buddy|mate]",
        "(can|could|do|would) you (hear|receive|read|copy|respond to|answer|get) (me|this|my messages|my voice) [right now|loud and clear|\
         at all|well|over there|okay]",
        "(anyone|anybody|someone|somebody) (home|there|in there|listening|awake|alive|out there|around) [right now|or not]",
        "(give me|send me|show me|send) a (sign of life|signal|ping|pong|response|heartbeat|hello|quick hello|pulse)",
        "(just checking|checking|just testing|wondering|wanted to check|just wanted to check|making sure|just making sure) [if|that|\
         whether|in on whether] (you are|youre|u are|your) [still] (there|here|alive|working|up|online|on|awake|listening|running|okay|ok|\
         around|responsive)",
        "(tell|let) me [know] (if|whether|that) (you are|youre) [still] (there|here|alive|working|up|online|awake|listening|running|on)",
        "telling me if (you are|youre) [still] (there|here|alive|working|up|online|awake|listening|running|on)",
        "(earth to steward|come in steward|hello is this thing on|hello hello|knock knock|mic check|roll call|status check are you there|\
         heartbeat|ping please|ping check|do a ping|say something|respond|respond please|answer me|health check ping|proof of life|check \
         in)",
        "(is|are) (you|this|it|the assistant|steward|anyone) [even|actually|still] (working|on|alive|listening|there|responding|running|up|\
         responsive|active) [right now|now|at all|today]",
    ];
    const EXAMPLES: &'static [Example] = &[say("are you there", None), call(None)];

    /// A payload is ignored, as clients of the protocol expect.
    fn from_payload(_payload: Option<&str>) -> Result<Ping, Failure> {
        Ok(Ping {})
    }
}

/// Lists what the agent can do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCapabilities {
    /// Whether `data` tells for each action what it does, takes and needs, and what this caller would be answered now.
    #[serde(default)]
    pub details: bool,
}

impl Capability for GetCapabilities {
    const NAME: &'static str = "get_capabilities";
    const RISK: Risk = Risk::Observe;
    const PHRASES: &'static [&'static str] = &[
        "(what|whatever) [else|all|things|exactly] (can|could|do) (you|u|it|this|steward|this thing|this agent|the agent|this assistant|\
         the assistant|this program) [actually|really|all|even] (do|offer|support|perform|help with|handle|control|understand|execute) \
         [exactly|here|for me|now|on this computer|on this machine]",
        "(what|which) [kinds|kind|sorts|sort|types|type] of (things|stuff|commands|tasks|actions|questions|requests) (can|could|do|are) \
         (you|i|we) [do|ask|ask you|understand|perform|support|handle|give you|say|able to do|able to perform|help with|help me with] [for \
         me]",
        "(what|which) (commands|actions|things|tasks|requests|functions|features|capabilities|skills|abilities|questions|options|\
         operations) (are|do|can|could|am) (there|you|available|i|supported|known|possible) [available|have|know|do|understand|support|\
         perform|offer|use|ask|ask you|give you|allowed to ask|run|handle|say|execute|provide]",
        "what (can|could|may|should|do) i (ask|say|tell you|ask you|say to you|use you for|do with you|do here|ask for|ask you to do|ask \
         of you|have you do|tell you to do|get you to do|request|command|do with this|ask you for) [to do|for]",
        "what (questions|things|commands) (am i allowed to|can i|may i|could i|should i) (ask|say|give|use) [you]",
        "what (kinds|kind|sorts|sort|types|type) of (things|stuff|commands|tasks|help|requests|questions|jobs) (can you|do you|are you \
         able to|could you|am i able to|can i|could i|may i) (do|help with|handle|understand|perform|offer|give|provide|support|take|\
         accept|answer|carry out|ask|ask you|say|give you|ask for|help me with) [for me]",
        "(in what ways|how|what) (can|could|do|are) you (assist|help|able to assist|able to help|be used|be helpful|assist us|help us|be \
         of service|be of assistance|serve me|make my life easier)",
        "(what are|whats|what is) (some|a few|the) (things|commands|questions|stuff|examples|tasks) (you can do|i can ask|i can ask you|\
         you can help with|i can say|you can help me with|you know|you understand|you can handle|of what you can do|that you can do|that i \
         can ask you|i can give you|i could ask you)",
        "(i want|i would like|id like|i need) to (know|see|find out|learn) what (you can do|you can help with|you can help me with|you are \
         able to do|i can ask|i can ask you|your capabilities are|you do|commands you know|you are capable of)",
        "(can|could|will) you (tell me|show me|list|explain|explain to me|give me) (what you can do|what you can help with|what you are \
         able to do|what i can ask you|your capabilities|your commands|your features|your skills|your abilities|what you do|all your \
         commands)",
        "(what|tell me what|show me what|explain what|list what|say what|describe what) [else|all] (you are|youre|u are|are you|would you \
         be|you might be|are u) (able to|capable of|good for|good at|useful for|designed for|here for) [do|doing|help with|help me with|\
         assist with|handle|perform|offer|for me|to do] [for me]",
        "what [else] (am|was) i able to (ask|say|do|ask you|tell you|request) [you|about|with you|here]",
        "(what|which) (topics|subjects|areas|things|features|questions|sort of things|kind of things|kinds of things|sorts of things) (can|could|may|do|should) (i|you) (ask|ask about|ask you about|\
         know|know about|cover|help with|talk about|use|try|ask you|ask you for|ask for|tell you to do)",
        "(give|show|tell) [me] (an overview|a summary|a rundown|a tour) of (your|all your|all of your) (features|abilities|capabilities|skills|commands|functions)",
        "(give|show|tell|list) [me] (some|a few|any|the|more) (examples|example commands|sample commands|suggestions|ideas) [of|for] [what|\
         things|commands] [you can do|i can ask|i can say|you understand|i can ask you|you can help with|i can give you|to ask|to say]",
        "(what|which) (kind|kinds|sort|sorts|type|types) of (help|things|stuff|tasks|services|support|assistance|commands|requests) (can|\
         could|do|will|are) you (give|offer|provide|do|know|know about|handle|perform|support|understand|able to do|able to give|able to \
         offer|know how to do) [me|us] [how to do]",
        "(what|which) (services|questions|help|support|assistance|tasks) (can|do|could) you (offer|answer|provide|give|give me|handle|do|perform)",
        "(tell me|tell me more|talk|talk to me|let me know|teach me) about your (abilities|capabilities|skills|features|functions|commands|\
         powers|options)",
        "what are [the|some|some of the] (things|tasks|commands|stuff|questions) [that] (you can|you are able to|i can|you know how to|i \
         could) (do|help me with|help with|handle|perform|ask|ask you|say|give you)",
        "what (can you|could you|are you able to|do you) (do|help|help me|help with|help me with|help us with|assist with|assist me with|\
         be used for|do for me|do for us|be asked)  [exactly|with|for|today]",
        "what are you (able to do|capable of|good for|good at|for|able to help with|able to help me with|capable of doing|here for|\
         designed to do|meant to do|programmed to do)",
        "(how|in what way|in what ways) (can|could|do|may) (you|i) (be of help|be of use|be of assistance|be of service|be helpful|help|\
         help me|assist me|be of help|use you|benefit from you|benefit from using you|make use of you|work with you|control you|talk to \
         you|command you|interact with you|be useful|be useful to me)",
        "(show|list|show me|tell me|give me|print|display|name|explain|describe) [me] (everything|all the things|all) [that] you (can do|\
         are able to do|support|know|know how to do|can help with)",
        "(show|list|show me|tell me|give me|print|display|name|explain|describe) [me] [all] [of] [the|your|a list of|all your|a list of \
         all] [available|supported|possible|known] (commands|actions|capabilities|skills|features|abilities|functions|options|things you \
         can do|your capabilities|your commands|your skills)",
        "(show|list|show me|tell me|give me|print|display|explain|describe) [me] [all] (what you can do|what youre able to do|what youre \
         capable of|what all you can do|what else you can do|all you can do|what things you can do|how you can help|how you can help me|\
         what you can do for me|what you can do for us|what you can help with|what you do|what you are able to do|what you can help me \
         with|what i can ask|what i can ask you|what i can say|what i can do|what you are capable of|what commands you know|what commands \
         there are|what you support|what you know)",
        "(what are you able|what can you be|what else can i ask|what else do you do|what else can i do with you|what else could you do|\
         what all can i ask you|what should i ask you|what should i say|what things can you do|what things can i ask you|what stuff can \
         you do|what topics do you know|what are the things you can do|list all commands|list all actions|show all commands|show all \
         actions|show actions|list actions|list capabilities|show capabilities|show commands|available commands|available actions|\
         supported commands|supported actions|what can be done|help me out|help menu|command help|show me the help|show the help|open help \
         menu|i need some help|i need your help|need help|can you help me|could you help me|can you help|what is your use|what use are you|\
         how to use you|how do i use you|how does this work|what is this)",
        "(help|commands|capabilities|actions|help me|menu|command list|list of commands|usage|help please|show help|show me help|i need \
         help|get help|list commands|display help|print help|what now|your commands)",
        "(what do you know how to do|what do you do|what do you offer|what do you know|what all can you do|what else|how do you work|tell \
         me about yourself|what is possible|what is there to do|introduce yourself|what are my options|what are the options|what are the \
         commands|what are you|who are you)",
        "(is there|do you have) (a|any) (help|list of commands|command list|help page|manual|list of what you can do|list of things you \
         can do|list of actions)",
        "(tell|show|list|give) [me] [all|all of] (the|your) (actions|commands|things|tasks|functions|features|requests|skills) [that] you \
         (support|know|understand|can do|offer|have|handle|can perform|accept|can handle|can take|are able to do)",
        "<ask> <mine> [available|supported|possible|known|valid] (commands|capabilities|skills|abilities|features|functions|powers|talents|\
         command list|list of commands|help page|help text|help menu|things you can do|things you do|stuff you can do|tasks you can do|\
         supported commands|options|list of things you can do|list of what you can do|list of your commands|list of capabilities|available \
         actions|supported actions) [of yours|you have|you know|you support|you understand|there are|please|i can use|i can give you|i can \
         use here] <now>",
        "what (all|else|exactly|sort of things|kind of things|sorts of things|kinds of things|kind of stuff|sort of stuff|things|stuff|\
         kinds of commands|sort of commands|tasks|commands|actions|jobs|can) (can|could|do|are|would|will) (you|i|we|this thing|this \
         assistant) (do|able to do|help with|help me with|handle|manage|support|understand|know|take care of|assist with|ask|ask you|say|\
         tell you|use|give you|get you to do|be used for|ask you to do|ask for|have you do|perform|run|carry out|accept) [for me|on this \
         (<machine>)|around here|here|with] <now>",
        "(how|in what way|what) (can|could|might|would|are|do) you (help|assist|be of help|be of use|serve|help me|help us|assist me|help \
         me out|help out|able to help|able to help me|be useful) [me|with|around here|today|with this computer|here|out|on this \
         (<machine>)] <now>",
        "(what|which) (are|is) (all|the|your|all the|all your|some of the|some of your) [available|supported|possible|known] (commands|\
         capabilities|skills|abilities|features|functions|powers|talents|options|things you can do|actions|tasks you can do|things i can \
         ask|things i can say|things i can ask you|tricks|uses) [you have|you know|you support|there are|i can use|i can give] <now>",
        "(what|which) (are|is) (my|your) (options|choices|purpose|role|job|function|use|possibilities) [here|exactly|for|then] <now>",
        "whats your (purpose|role|job|function|use|skill set|specialty|deal)",
    ];
    const EXAMPLES: &'static [Example] = &[say("what can you do", None), call(None)];

    /// A payload is ignored, as clients of the protocol expect.
    fn from_payload(_payload: Option<&str>) -> Result<GetCapabilities, Failure> {
        Ok(GetCapabilities { details: false })
    }
}

/// Understands an English sentence and treats it as the action that it means.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NaturalLanguage {
    /// The sentence.
    pub text: String,
}

impl Capability for NaturalLanguage {
    const NAME: &'static str = "natural_language";
    const RISK: Risk = Risk::Observe;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const EXAMPLES: &'static [Example] = &[call(Some("install firefox and vim")), call(Some("turn the volume down"))];

    fn from_payload(payload: Option<&str>) -> Result<NaturalLanguage, Failure> {
        match payload {
            Some(text) if !text.trim().is_empty() => Ok(NaturalLanguage { text: text.to_owned() }),
            _ => Err(Failure::invalid_payload("missing sentence; send it as the payload")),
        }
    }

    fn payload(&self) -> Option<String> {
        Some(self.text.clone())
    }
}

fn confirmation_id(payload: Option<&str>) -> Result<String, Failure> {
    match payload {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(Failure::invalid_payload("missing confirmation id")),
    }
}

/// Approves a held request, which is then carried out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The confirmation's id.
    pub id: String,
    /// How long the approval lasts; more than `once` needs a person at the desk who is not the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub grant: Option<GrantLength>,
    /// What a longer approval covers: the number of one of the offered scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<usize>,
    /// Hand the yes out as a token in place of carrying the request out: whoever asked comes again with it and the very same plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token: bool,
}

impl Capability for Confirm {
    const NAME: &'static str = "confirm";
    const RISK: Risk = Risk::Observe;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const EXAMPLES: &'static [Example] =
        &[call(Some("3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")), call(Some("0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3"))];

    fn from_payload(payload: Option<&str>) -> Result<Confirm, Failure> {
        Ok(Confirm { id: confirmation_id(payload)?, grant: None, scope: None, token: false })
    }

    fn payload(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Refuses a held request: the approver's no.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The confirmation's id.
    pub id: String,
    /// A word to the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Capability for Reject {
    const NAME: &'static str = "reject";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] =
        &[call(Some("3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")), call(Some("0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3"))];

    fn from_payload(payload: Option<&str>) -> Result<Reject, Failure> {
        Ok(Reject { id: confirmation_id(payload)?, note: None })
    }

    fn payload(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Withdraws a held request: the requester's second thought.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The confirmation's id.
    pub id: String,
}

impl Capability for Cancel {
    const NAME: &'static str = "cancel";
    const RISK: Risk = Risk::Low;
    const EXAMPLES: &'static [Example] =
        &[call(Some("3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")), call(Some("0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3"))];

    fn from_payload(payload: Option<&str>) -> Result<Cancel, Failure> {
        Ok(Cancel { id: confirmation_id(payload)? })
    }

    fn payload(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Lists the caller's held requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingList {}

impl Capability for PendingList {
    const NAME: &'static str = "pending_list";
    const RISK: Risk = Risk::Observe;
    const PHRASES: &'static [&'static str] = &[
        "(what is|whats|what are|is anything|is there anything|anything|is something|are any requests|what requests are|which requests are|\
         what actions are|which actions are|what things are) [still|currently|now] (pending|waiting|waiting for me|waiting for approval|\
         waiting for confirmation|waiting for my approval|waiting for my confirmation|to be confirmed|to be approved|awaiting approval|\
         awaiting confirmation|awaiting my approval|left to confirm|held|on hold|waiting to be approved|waiting to be confirmed|to confirm|\
         to approve)",
        "(show|list|show me|tell me|display|give me|read|see|view|print|check) [me] [all|the|my|all the|any|what] [of] [the|my] (pending \
         requests|pending confirmations|pending actions|pending|pending approvals|open confirmations|open requests|waiting requests|held \
         requests|confirmations|pending commands|requests waiting|approvals|outstanding requests|outstanding confirmations|what is pending|\
         unconfirmed actions|pending list|pending items|pending things)",
        "what (needs|requires) (my approval|my confirmation|confirming|approval|confirmation|approving|to be approved|to be confirmed|my ok|my okay)",
        "(do i have|are there|have i got) [any|some|anything] (pending requests|pending confirmations|pending actions|open confirmations|\
         pending approvals|confirmations waiting|requests waiting|confirmations pending|requests pending|to confirm|to approve|pending)",
        "what (do i|am i) (have to|need to|supposed to|still have to|still need to) (confirm|approve)",
        "(pending|pending requests|pending confirmations|pending actions|pending list|open confirmations)",
        "(what are you|are you) waiting for [me to confirm|me to approve|from me]",
        "(anything|something|whats|what is|any requests|any actions|requests|stuff|things) [still|currently|left] (pending|waiting|waiting \
         on me|waiting for me|queued|in the queue|on hold|outstanding|unconfirmed|held up|to confirm|to approve|left to approve|left to \
         confirm|needing approval|needing confirmation|that needs my approval|that needs confirmation|that needs my confirmation|waiting \
         for me to confirm|waiting for me to approve|waiting for approval|waiting for confirmation|waiting on approval|waiting on my \
         approval|awaiting my confirmation) [right now|now|at the moment|today|here]",
        "(is there|are there|do i have|do we have|have i got|got|have you got|do you have|have we got) (anything|something|any requests|\
         any actions|requests|any|stuff|things) [still|currently|left|else] (pending|waiting|waiting on me|waiting for me|queued|in the \
         queue|on hold|outstanding|unconfirmed|to confirm|to approve|left to approve|left to confirm|needing approval|needing my approval|\
         that needs my approval|that needs approval|that needs confirmation|that needs my confirmation|i need to confirm|i need to approve|\
         i have to confirm|i have to approve|waiting for approval|waiting for confirmation|waiting for me to confirm|waiting for me to \
         approve|waiting on my approval|awaiting confirmation|for me to confirm|for me to approve|confirmations|approvals) [right now|now|\
         at the moment]",
        "(show|list|see|check|display|view|tell me|give me|read|print|pull up|bring up) [me] [everything|anything|all|all that|whats|what \
         is|what|the things|the requests|the stuff] [that] [is|are|is still] (pending|waiting|queued|on hold|outstanding|unconfirmed|\
         awaiting confirmation|awaiting approval|waiting for confirmation|waiting for approval|i need to confirm|i need to approve|i have \
         to approve|i have to confirm|needs my approval|needs my confirmation|needs approval|needs confirmation|left to confirm|left to \
         approve|waiting on me|waiting for me)",
        "(the|my) (queue|pending queue|approval queue|confirmation queue|pending stuff|pending items|pending requests|pending confirmations) [please]",
        "(show|list|see|check|display|view|open|bring up) [me] [the|my] (queue|pending queue|approval queue|confirmation queue|pending \
         stuff|waiting list|list of pending requests|list of pending confirmations|list of pending actions|held actions|waiting actions|\
         queued requests|queued actions|unapproved requests|unconfirmed requests)",
        "what (is|are) (you|we) (holding|waiting on|waiting for|stuck on)",
        "(which|what) (requests|actions|commands|things|confirmations|approvals|orders) (are|is|do i have|have i got|still) [still] \
         (pending|waiting|outstanding|open|on hold|queued|unconfirmed|held|to confirm|to approve|need my approval|need my confirmation|\
         need approval|need confirmation|needing approval|waiting for me|await confirmation|await approval)",
        "(what|whats) [do] [i] [still] (need|needs|have) to (be approved|be confirmed|approve|confirm) [by me|still]",
        "<ask> <mine> [still|currently] (pending|waiting|open|held|queued|outstanding|unconfirmed|unapproved|on hold) (requests|actions|\
         confirmations|approvals|commands|orders|things|items|stuff|tasks|operations|ones|list|queue|jobs) [for me|waiting for me|to \
         confirm|to approve|i need to confirm|i need to approve] <now>",
        "<ask> (what|whats|what is|everything|anything|all) [thats|that is|is] [still] (pending|waiting|waiting for me|waiting for \
         approval|waiting for my approval|waiting for confirmation|waiting for my confirmation|on hold|queued|held|outstanding|unconfirmed|\
         waiting on me|waiting to be confirmed|waiting to be approved|in the queue|in the pending queue|awaiting my approval|awaiting my \
         confirmation|awaiting approval|awaiting confirmation|left to confirm|left to approve) <now>",
        "(are there|is there|do i have|have i got|do we have|got|any) [any|some|anything|something|a] [more|other|still] (pending|waiting|\
         open|held|queued|outstanding|unconfirmed|unapproved) (requests|actions|confirmations|approvals|commands|orders|things|items|stuff|\
         tasks|operations|ones|request|confirmation|action|approval) [for me|left|to confirm|to approve|to deal with] <now>",
        "(what|which|how many) (requests|actions|confirmations|approvals|commands|things|orders|items|operations|tasks|stuff) (are|is|do|\
         have|still|need|needs|require|requires|await) [i|we|you] [still|currently|have|got|left|need|be] (pending|waiting|on hold|queued|\
         held|outstanding|unconfirmed|open|to confirm|to approve|waiting for me|waiting for approval|waiting for my approval|waiting for \
         confirmation|waiting for my confirmation|awaiting confirmation|awaiting approval|my approval|my confirmation|confirming|approving|\
         confirmation|approval|my ok|my okay|my go ahead|my attention|in the queue|waiting on me) <now>",
        "(what|whats|what is|anything|something) (needs|requires|is awaiting|awaits|is waiting for|waits for|wants) (my|an|a) [explicit] \
         (approval|confirmation|ok|okay|go ahead|say so|attention|sign off|permission|consent|yes|answer|decision) <now>",
        "<ask> what (needs|requires|wants|awaits) (confirming|approving|my approval|my confirmation|approval|confirmation|to be approved|\
         to be confirmed|my attention|my ok|my okay|a decision) <now>",
    ];
    const EXAMPLES: &'static [Example] = &[say("what is waiting for approval", None), call(None)];

    fn from_payload(payload: Option<&str>) -> Result<PendingList, Failure> {
        no_payload(Self::NAME, payload, PendingList {})
    }
}

/// Tells what became of a held request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultOf {
    /// The confirmation's id.
    pub id: String,
    /// How long to wait for the end, in seconds, at most 60.
    #[serde(default)]
    #[schemars(range(max = 60))]
    pub wait: u16,
}

impl Capability for ResultOf {
    const NAME: &'static str = "result";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] =
        &[call(Some("3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")), call(Some("0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3"))];

    fn from_payload(payload: Option<&str>) -> Result<ResultOf, Failure> {
        Ok(ResultOf { id: confirmation_id(payload)?, wait: 0 })
    }

    fn payload(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Lists the caller's standing approvals.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantsList {}

impl Capability for GrantsList {
    const NAME: &'static str = "grants_list";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] = &[call(None), call(Some(""))];

    fn from_payload(payload: Option<&str>) -> Result<GrantsList, Failure> {
        no_payload(Self::NAME, payload, GrantsList {})
    }
}

/// Takes a standing approval back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRevoke {
    /// The grant's id.
    pub id: String,
}

impl Capability for GrantRevoke {
    const NAME: &'static str = "grant_revoke";
    const RISK: Risk = Risk::Low;
    const EXAMPLES: &'static [Example] =
        &[call(Some("3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")), call(Some("0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3"))];

    fn from_payload(payload: Option<&str>) -> Result<GrantRevoke, Failure> {
        match payload {
            Some(id) if !id.is_empty() => Ok(GrantRevoke { id: id.to_owned() }),
            _ => Err(Failure::invalid_payload("missing grant id; `grants_list` has them")),
        }
    }

    fn payload(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Tells what a request would be understood as and what the policy says to it; nothing runs and nothing changes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// A request as an object with `name` and `payload` or `args`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether to show what would happen, where that is allowed.
    #[serde(default)]
    pub preview: bool,
}

impl Capability for Explain {
    const NAME: &'static str = "explain";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] =
        &[call(Some("{\"name\":\"package_install\",\"payload\":\"vim\"}")), call(Some("turn the volume down"))];

    /// An object in JSON is a request; anything else is a sentence.
    fn from_payload(payload: Option<&str>) -> Result<Explain, Failure> {
        let text = payload.map(str::trim).filter(|p| !p.is_empty()).ok_or_else(|| {
            Failure::invalid_payload("missing request; send a sentence, or a request as JSON, as the payload")
        })?;
        match serde_json::from_str::<Value>(text) {
            Ok(request @ Value::Object(_)) => Ok(Explain { request: Some(request), text: None, preview: false }),
            _ => Ok(Explain { request: None, text: Some(text.to_owned()), preview: false }),
        }
    }

    fn payload(&self) -> Option<String> {
        self.text.clone().or_else(|| self.request.as_ref().map(Value::to_string))
    }
}

/// Turns the connection into a stream of the caller's own events: the full state first, then every change.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {}

impl Capability for Subscribe {
    const NAME: &'static str = "subscribe";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] = &[call(None), call(Some(""))];

    fn from_payload(payload: Option<&str>) -> Result<Subscribe, Failure> {
        no_payload(Self::NAME, payload, Subscribe {})
    }
}
