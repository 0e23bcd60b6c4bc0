//! What is left to confine a case with where it has no file system of its own: Landlock, which needs no privilege.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::Place;
use super::facet::{Facet, Facets, State};

/// The newest rules that are known here; on older kernels, those that there are.
const NEWEST: ABI = ABI::V6;

/// Where programs may write besides their own directories: what they take for their own, and devices.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev", "/proc"];

/// Lets this process and all that it starts write to the case's directories and to those that are everybody's, and to
/// nothing else; signals and abstract sockets stay among them where no namespace sees to that.
pub(super) fn restrict_writes(place: &Place, facets: Facets) -> State {
    match restrict(place, facets).map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => State::obtained(),
        Ok(_) => State::refused("restricting writes", libc::ENOSYS, None),
        Err(error) => State::unasked(error.to_string()),
    }
}

fn restrict(place: &Place, facets: Facets) -> Result<RestrictionStatus, RulesetError> {
    // Before Linux 5.19 no file could be moved from one directory to another any more: then rather nothing.
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(NEWEST))?;
    if !facets.has(Facet::Pid) {
        ruleset = ruleset.scope(Scope::Signal)?;
    }
    if !facets.has(Facet::Network) {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
    }
    let own = [place.root.as_path(), place.sockets.parent().unwrap_or(&place.root)].map(Path::to_owned);
    let writable: Vec<PathBuf> = own.into_iter().chain(SHARED.map(PathBuf::from)).collect();
    ruleset.create()?.add_rules(path_beneath_rules(writable, AccessFs::from_write(NEWEST)))?.restrict_self()
}
