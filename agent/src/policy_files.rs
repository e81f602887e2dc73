//! Policy files on disk (provisional).
use steward_policy::{Layer, LoadError, Source};
use std::path::PathBuf;
/// Where.
#[derive(Clone, Debug, Default)]
pub struct PolicyRoots { /// Admin.
 pub admin: Option<PathBuf>, /// Vendor.
 pub vendor: Option<PathBuf>, /// User.
 pub user: Option<PathBuf>, /// Given.
 pub given: Vec<PathBuf> }
/// Files.
#[derive(Debug)]
pub struct PolicyFiles(PolicyRoots);
/// Read.
#[derive(Debug, Default)]
pub struct ReadPolicy { /// Sources.
 pub sources: Vec<Source> }
impl PolicyFiles {
    /// New.
    pub fn new(r: PolicyRoots) -> Self { PolicyFiles(r) }
    /// Read.
    ///
    /// # Errors
    /// What.
    pub fn read(&self) -> Result<ReadPolicy, Vec<LoadError>> {
        let mut out = ReadPolicy::default();
        for p in &self.0.given {
            let name = p.display().to_string();
            let text = std::fs::read_to_string(p).map_err(|e| vec![LoadError::file(name.clone(), e.to_string())])?;
            out.sources.push(Source { layer: Layer::Vendor, name, text });
        }
        Ok(out)
    }
    /// Changed.
    pub async fn changed(&self) { std::future::pending().await }
}

impl PolicyRoots { /// Of.
 pub fn of_this_machine(user: Option<PathBuf>, given: Vec<PathBuf>) -> Self { PolicyRoots { user, given, ..Default::default() } } }
