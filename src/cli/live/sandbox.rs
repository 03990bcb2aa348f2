//! What a program that reads strangers' packets may do: capture, and write to
//! the folders that were named. Everything else is given up before the first
//! packet and before the first thread, since Linux keeps both per thread.

use std::path::PathBuf;

/// Gives up everything but raw sockets and writing to `folders`. Returns what
/// the kernel does not offer, in words.
#[cfg(target_os = "linux")]
pub(super) fn lock_in(folders: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    use anyhow::Context;

    drop_privileges().context("the privileges besides capturing could not be given up")?;
    rustix::thread::set_no_new_privs(true).context("no-new-privileges could not be set")?;
    forbid_writing(folders).context("the sandbox could not be set up; --no-sandbox does without it")
}

/// Only Linux has what it takes.
#[cfg(not(target_os = "linux"))]
pub(super) fn lock_in(_: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    Ok(vec!["this system has no Landlock and no capabilities: nothing is locked".to_owned()])
}

#[cfg(target_os = "linux")]
fn drop_privileges() -> Result<(), caps::errors::CapsError> {
    use caps::{CapSet, Capability, CapsHashSet, has_cap, read, set};

    let kept = |set: CapSet| -> Result<CapsHashSet, caps::errors::CapsError> {
        Ok(read(None, set)?.into_iter().filter(|cap| *cap == Capability::CAP_NET_RAW).collect())
    };
    // The bounding set is for those who may change it; without privileges there
    // is nothing that it could still bound.
    if has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::all().into_iter().filter(|cap| *cap != Capability::CAP_NET_RAW) {
            if has_cap(None, CapSet::Bounding, capability)? {
                caps::drop(None, CapSet::Bounding, capability)?;
            }
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    let (effective, permitted) = (kept(CapSet::Effective)?, kept(CapSet::Permitted)?);
    set(None, CapSet::Effective, &effective)?;
    set(None, CapSet::Permitted, &permitted)?;
    caps::clear(None, CapSet::Inheritable)
}

#[cfg(target_os = "linux")]
fn forbid_writing(folders: &[PathBuf]) -> Result<Vec<String>, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, path_beneath_rules,
    };

    // Older kernels enforce what they know of it.
    let newest = ABI::V5;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_write(newest) | AccessFs::Execute)?
        .handle_access(AccessNet::from_all(newest))?
        .create()?
        .add_rules(path_beneath_rules(folders, AccessFs::from_write(newest)))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Vec::new(),
        RulesetStatus::PartiallyEnforced => {
            vec!["this kernel knows only part of Landlock: the sandbox is weaker than it could be".to_owned()]
        }
        RulesetStatus::NotEnforced => {
            vec!["Landlock is missing here (an old kernel, or a container that forbids it): files outside the output folders are not protected".to_owned()]
        }
    })
}
