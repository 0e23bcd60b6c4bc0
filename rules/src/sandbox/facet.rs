//! The facets of isolation: what of the machine a case has to itself.

use std::io;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facet {
    User,
    Mount,
    Pid,
    Network,
    Ipc,
    Uts,
    Cgroup,
}

impl Facet {
    /// All of them, in the order of messages and of the bits of [`Facets`].
    pub(crate) const ALL: [Self; 7] =
        [Self::User, Self::Mount, Self::Pid, Self::Network, Self::Ipc, Self::Uts, Self::Cgroup];

    /// How manifests and reports call it.
    pub(crate) fn name(self) -> &'static str {
        super::FACETS[self as usize]
    }

    /// The flag of `clone` and `unshare`.
    pub(super) fn flag(self) -> i32 {
        match self {
            Self::User => libc::CLONE_NEWUSER,
            Self::Mount => libc::CLONE_NEWNS,
            Self::Pid => libc::CLONE_NEWPID,
            Self::Network => libc::CLONE_NEWNET,
            Self::Ipc => libc::CLONE_NEWIPC,
            Self::Uts => libc::CLONE_NEWUTS,
            Self::Cgroup => libc::CLONE_NEWCGROUP,
        }
    }
}

/// A set of facets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facets(u8);

impl Facets {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(0x7f);

    pub(crate) fn has(self, facet: Facet) -> bool {
        self.0 & 1 << facet as u8 != 0
    }

    #[must_use]
    pub(crate) fn without(self, facet: Facet) -> Self {
        Self(self.0 & !(1 << facet as u8))
    }

    /// The set as a number, for messages between processes.
    pub(crate) fn bits(self) -> i32 {
        self.0.into()
    }

    pub(crate) fn from_bits(bits: i32) -> Self {
        Self(u8::try_from(bits & 0x7f).unwrap_or(0))
    }

    /// The flags of `clone`.
    pub(super) fn flags(self) -> i32 {
        Facet::ALL.into_iter().filter(|facet| self.has(*facet)).fold(0, |flags, facet| flags | facet.flag())
    }
}

/// Whether a facet was obtained, and if not, why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct State {
    /// Whether it was.
    pub obtained: bool,
    /// The kernel's word for the refusal, such as `EPERM`.
    pub error: Option<String>,
    /// What was refused, or why it was not asked for.
    pub reason: Option<String>,
    /// What would change that.
    pub remedy: Option<String>,
}

impl State {
    pub(crate) fn obtained() -> Self {
        Self { obtained: true, ..Self::default() }
    }

    /// Not asked for, because of `reason`.
    pub(crate) fn unasked(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// Refused by the kernel when `what` was done.
    pub(crate) fn refused(what: impl Into<String>, errno: i32, remedy: Option<String>) -> Self {
        Self { obtained: false, error: Some(errno_name(errno)), reason: Some(what.into()), remedy }
    }
}

impl Serialize for State {
    /// For people, what is not there is left out; between processes the position of a field tells what it is.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let for_people = serializer.is_human_readable();
        let mut state = serializer.serialize_struct("State", 4)?;
        state.serialize_field("obtained", &self.obtained)?;
        for (name, text) in [("error", &self.error), ("reason", &self.reason), ("remedy", &self.remedy)] {
            if for_people && text.is_none() {
                state.skip_field(name)?;
            } else {
                state.serialize_field(name, text)?;
            }
        }
        state.end()
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.error, &self.reason) {
            _ if self.obtained => f.write_str("ok"),
            (Some(error), Some(reason)) => write!(f, "{error}: {reason}"),
            (_, reason) => f.write_str(reason.as_deref().unwrap_or("not obtained")),
        }
    }
}

/// `EPERM` for 1.
fn errno_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => format!("error {errno}"),
        known => format!("{known:?}"),
    }
}

/// A step of making the sandbox that the kernel refused: the facet that it takes away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unfit {
    /// Bits of the one facet that is lost.
    pub(crate) lost: Facets,
    /// What was tried.
    pub(crate) what: String,
    pub(crate) errno: i32,
}

impl Unfit {
    pub(super) fn new(facet: Facet, what: &str, error: &io::Error) -> Self {
        let lost = Facets(1 << facet as u8);
        Self { lost, what: what.to_owned(), errno: error.raw_os_error().unwrap_or(libc::EIO) }
    }
}
