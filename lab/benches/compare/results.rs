//! Everything that was measured, as it is kept beside the document for other programs to read.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::scenarios::{
    again, bodies, busy, cost, demonstration, faults, footprint, queue, thumbnails,
};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/comparison.json");

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    /// The same for scenarios that were measured by themselves after the others.
    pub(crate) later: BTreeMap<String, Machine>,
    pub(crate) versions: Vec<(String, String)>,
    /// Who could not be started, and why.
    pub(crate) absent: BTreeMap<String, String>,
    pub(crate) commands: BTreeMap<String, Vec<String>>,
    pub(crate) demonstration: Vec<demonstration::Row>,
    pub(crate) queue: Vec<queue::Row>,
    pub(crate) cost: Vec<cost::Row>,
    pub(crate) footprint: Vec<footprint::Row>,
    pub(crate) faults: Vec<faults::Row>,
    pub(crate) thumbnails: Vec<thumbnails::Row>,
    pub(crate) again: Vec<again::Row>,
    pub(crate) bodies: Vec<bodies::Row>,
    pub(crate) busy: Vec<busy::Row>,
}

/// Where and how it was measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    pub(crate) model: String,
    pub(crate) revision: String,
    pub(crate) effort: String,
}

impl Machine {
    pub(crate) fn this(effort: &str) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, model)| model);
        let git = Command::new("git")
            .args(["describe", "--always", "--dirty"])
            .output();
        let revision = git.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Self {
            cpus: num_cpus::get(),
            model: model.to_owned(),
            revision: revision.unwrap_or_default(),
            effort: effort.to_owned(),
        }
    }
}

impl Results {
    /// Nothing, if nothing was measured before.
    pub(crate) fn load() -> Result<Self, String> {
        let Ok(text) = fs::read_to_string(PATH) else {
            return Ok(Self::default());
        };
        serde_json::from_str(&text).map_err(|err| format!("{PATH}: {err}"))
    }

    pub(crate) fn save(&self) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|err| err.to_string())?;
        fs::write(PATH, text + "\n").map_err(|err| format!("{PATH}: {err}"))
    }
}
