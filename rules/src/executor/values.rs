//! What `${…}` stands for in a running case.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::case::{Case, PortId, ProcessId, Text, Values};

/// The values of a running case.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) dir: PathBuf,
    /// The environment that every process has, before the case's own.
    pub(crate) base: BTreeMap<String, String>,
    /// The case's environment: what `${env.NAME}` is outside of a process.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) sockets: Vec<PathBuf>,
    pub(crate) captures: BTreeMap<String, Value>,
}

impl Filled {
    /// The environment that `env` makes of the base.
    pub(crate) fn environment(&self, env: &[(String, Text)]) -> BTreeMap<String, String> {
        let base = Within { filled: self, env: &self.base };
        let mut all = self.base.clone();
        all.extend(env.iter().map(|(name, text)| (name.clone(), text.fill(&base))));
        all
    }

    /// The whole environment of a process.
    pub(crate) fn of_process(&self, case: &Case, process: ProcessId) -> BTreeMap<String, String> {
        self.environment(&case.processes[process].env)
    }

    /// The values as seen with another environment.
    pub(crate) fn within<'a>(&'a self, env: &'a BTreeMap<String, String>) -> Within<'a> {
        Within { filled: self, env }
    }
}

/// [`Filled`] with the environment of one process.
pub(crate) struct Within<'a> {
    filled: &'a Filled,
    env: &'a BTreeMap<String, String>,
}

impl Values for Within<'_> {
    fn port(&self, port: PortId) -> String {
        self.filled.ports.get(port).copied().unwrap_or_default().to_string()
    }

    fn socket(&self, port: PortId) -> String {
        self.filled.sockets.get(port).map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn dir(&self) -> String {
        self.filled.dir.display().to_string()
    }

    fn env(&self, name: &str) -> String {
        self.env.get(name).cloned().unwrap_or_default()
    }

    fn capture(&self, name: &str) -> Value {
        self.filled.captures.get(name).cloned().unwrap_or(Value::Null)
    }
}
