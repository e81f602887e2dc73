//! Looking at firmware. There are no actions that write to it: what goes wrong there cannot be put back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::Code;
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{count, no_payload, visible};
use super::{Capability, Example, Look, Perform, Ready, call};
use crate::backend::dbus::fwupd;
use crate::backend::firmware;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Tells what the firmware says of this machine, how it was started, and which devices fwupd knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirmwareInventory {}

impl Capability for FirmwareInventory {
    const NAME: &'static str = "firmware_inventory";
    const RISK: Risk = Risk::Observe;
    const EXAMPLES: &'static [Example] = &[call(None), call(Some(""))];

    fn from_payload(payload: Option<&str>) -> Result<FirmwareInventory, Failure> {
        no_payload(Self::NAME, payload, FirmwareInventory {})
    }
}

impl Perform for FirmwareInventory {
    fn sentence(&self) -> String {
        "Tell what the firmware says of this machine".to_owned()
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let sysfs = cx.services.sysfs.clone();
        let reading = tokio::task::spawn_blocking(move || {
            (firmware::ids(&sysfs), firmware::is_efi(&sysfs), firmware::secure_boot(&sysfs))
        });
        let (ids, efi, secure_boot) = reading.await.map_err(|e| Failure::internal(format!("reading sysfs: {e}")))?;
        let (devices, missing) = match fwupd::devices(&cx.services.bus).await {
            Ok(devices) => (Some(devices), None),
            Err(e) => (None, Some(e.to_string())),
        };
        let id = |name: &str| ids.get(name).map_or("unknown", String::as_str);
        let mut message = format!(
            "{} {}, firmware {} {}; started by {}.",
            visible(id("sys_vendor"), 60),
            visible(id("product_name"), 60),
            visible(id("bios_vendor"), 60),
            visible(id("bios_version"), 60),
            if efi { "UEFI" } else { "something older than UEFI, or in a container" }
        );
        if let Some(devices) = &devices {
            message.push_str(&format!(" fwupd knows {}.", count(devices.len(), "device")));
        }
        let mut data = json!({ "dmi": ids, "efi": efi, "secure_boot": secure_boot, "devices": devices });
        if let Some(why) = missing {
            data["devices_missing"] = json!(why);
        }
        Ok(Outcome::says(message).with(data))
    }
}

/// Reads one variable of UEFI.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirmwareVariable {
    /// Its name with the number of its vendor, as a file below `/sys/firmware/efi/efivars`: `BootOrder-8be4df61-…`.
    pub name: VariableName,
}

/// The name of a variable of UEFI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct VariableName(String);

impl TryFrom<String> for VariableName {
    type Error = String;

    fn try_from(name: String) -> Result<VariableName, String> {
        match firmware::is_name(&name) {
            true => Ok(VariableName(name)),
            false => {
                Err("expected the name of a file, such as `BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c`".to_owned())
            }
        }
    }
}

impl From<VariableName> for String {
    fn from(name: VariableName) -> String {
        name.0
    }
}

impl Capability for FirmwareVariable {
    const NAME: &'static str = "firmware_variable";
    const RISK: Risk = Risk::Observe;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("name", ArgKind::Text)];
    const EXAMPLES: &'static [Example] = &[
        call(Some("BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c")),
        call(Some("SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<FirmwareVariable, Failure> {
        let name = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing variable"))?;
        let name = VariableName::try_from(name.to_owned());
        Ok(FirmwareVariable { name: name.map_err(|e| Failure::invalid_payload(Self::invalid(&e)))? })
    }

    fn payload(&self) -> Option<String> {
        Some(self.name.0.clone())
    }

    fn invalid(detail: &str) -> String {
        format!("invalid variable: {detail}")
    }
}

impl Perform for FirmwareVariable {
    fn sentence(&self) -> String {
        format!("Read the firmware variable `{}`", visible(&self.name.0, 255))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("name", OwnedArg::Text(self.name.0.clone()))]
    }

    async fn look(&self, _cx: &Context<'_>) -> Result<Look, Failure> {
        Ok(Look { risk: Self::RISK, facts: self.facts(), opened: None })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let (sysfs, name) = (cx.services.sysfs.clone(), self.name.0.clone());
        let reading =
            tokio::task::spawn_blocking(move || (firmware::is_efi(&sysfs), firmware::variable(&sysfs, &name)));
        let (efi, read) = reading.await.map_err(|e| Failure::internal(format!("reading sysfs: {e}")))?;
        if !efi {
            let message = "this machine was not started by UEFI, or is a container, so its firmware has no variables";
            return Err(Failure::new(Code::Unavailable, message).with(json!({ "needs": "UEFI" })));
        }
        let shown = visible(&self.name.0, 255);
        let (bytes, truncated) = read.map_err(|e| match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Failure::new(Code::NotAuthorized, format!("the variable `{shown}` may not be read by this user"))
            }
            std::io::ErrorKind::NotFound => {
                Failure::new(Code::Failed, format!("the firmware has no variable `{shown}`"))
            }
            _ => Failure::new(Code::Failed, format!("the variable `{shown}` could not be read: {e}")),
        })?;
        let attributes = bytes.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
        let data = json!({
            "name": self.name, "attributes": attributes, "size": bytes.len(), "truncated": truncated,
            "content_base64": base64_simd::STANDARD.encode_to_string(&bytes),
        });
        Ok(Outcome::says(format!("`{shown}` has {}.", count(bytes.len(), "byte"))).with(data))
    }
}
