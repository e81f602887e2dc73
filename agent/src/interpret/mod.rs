//! Words (provisional).
/// A set.
#[derive(Clone, Copy, Debug)]
pub struct PhraseSet { /// Name.
 pub action: &'static str, /// Templates.
 pub templates: &'static [&'static str] }
/// Context.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> { /// Home.
 pub home: Option<&'a str>, /// Index.
 pub is_package: Option<&'a (dyn Fn(&str) -> bool + Sync)> }
/// Order.
#[derive(Clone, Debug)]
pub struct Order { /// Action.
 pub action: &'static str, /// Payload.
 pub payload: Option<String>, /// Template.
 pub template: &'static str }
/// Why.
#[derive(Clone, Copy, Debug)]
pub enum Reason { /// No.
 NoMatch }
impl Reason { /// Sentence.
 pub fn sentence(&self) -> String { "I did not understand that.".into() } }
/// Reading.
#[derive(Clone, Debug)]
pub enum Reading { /// One.
 Order(Order), /// Many.
 Ambiguous(Vec<Order>), /// None.
 Nothing { /// Why.
 reason: Reason, /// Near.
 near: Vec<&'static str> } }
/// Interpreter.
#[derive(Debug)]
pub struct Interpreter;
/// Bad.
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct TemplateError;
impl Interpreter {
    /// New.
    ///
    /// # Errors
    /// Bad.
    pub fn new(_s: &[PhraseSet]) -> Result<Self, TemplateError> { Ok(Interpreter) }
    /// Read.
    pub fn read(&self, _t: &str, _cx: &Context<'_>) -> Reading { Reading::Nothing { reason: Reason::NoMatch, near: vec![] } }
}
