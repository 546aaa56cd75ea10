//! Becomes another user before a program is run.

use std::ffi::{CString, OsStr};

use nix::unistd::{self, Gid, Uid};

use crate::error::CommandError;
use crate::hardening;

/// A user of this system, with all groups.
#[derive(Debug)]
pub(crate) struct User {
    entry: unistd::User,
    groups: Vec<Gid>,
}

impl User {
    /// Looks a user up by name, else by number.
    ///
    /// # Errors
    ///
    /// There is none, or the system cannot say.
    pub(crate) fn named(name: &str) -> Result<Self, CommandError> {
        let unknown = || CommandError::usage(format!("there is no user `{name}`"));
        let failed = |error: nix::Error| {
            CommandError::failed(format!("the user `{name}` cannot be looked up")).caused_by(&error)
        };
        let by_number = || match name.parse() {
            Ok(number) => unistd::User::from_uid(Uid::from_raw(number)),
            Err(_) => Ok(None),
        };
        let entry = match unistd::User::from_name(name).map_err(failed)? {
            Some(entry) => entry,
            None => by_number().map_err(failed)?.ok_or_else(unknown)?,
        };
        let login = CString::new(entry.name.as_str()).map_err(|_| unknown())?;
        let groups = groups(&login, entry.gid).map_err(failed)?;
        Ok(Self { entry, groups })
    }

    /// As others call it.
    pub(super) fn name(&self) -> &str {
        &self.entry.name
    }

    /// The home directory.
    pub(super) fn home(&self) -> &OsStr {
        self.entry.dir.as_os_str()
    }

    /// Makes this process one of that user, for good.
    ///
    /// Groups go first: without the rights of root they could not be changed any more.
    ///
    /// # Errors
    ///
    /// The system refuses, as it does to all but root.
    pub(crate) fn take_over(&self) -> Result<(), CommandError> {
        let failed = |error: nix::Error| {
            let this =
                CommandError::failed(format!("cannot become the user `{}`", self.entry.name));
            match error {
                nix::Error::EPERM => this.hint("only root can run a command as another user"),
                _ => this.caused_by(&error),
            }
        };
        set_groups(&self.groups).map_err(failed)?;
        unistd::setgid(self.entry.gid).map_err(failed)?;
        unistd::setuid(self.entry.uid).map_err(failed)?;
        let is_root = |uid: Uid| uid.is_root();
        if !is_root(self.entry.uid) && unistd::setuid(Uid::from_raw(0)).is_ok() {
            return Err(CommandError::failed("the rights of root could not be given up"));
        }
        // The kernel forgets it with each change of user.
        hardening::harden();
        Ok(())
    }
}

#[cfg(not(target_vendor = "apple"))]
fn groups(login: &CString, main: Gid) -> nix::Result<Vec<Gid>> {
    unistd::getgrouplist(login, main)
}

#[cfg(not(target_vendor = "apple"))]
fn set_groups(groups: &[Gid]) -> nix::Result<()> {
    unistd::setgroups(groups)
}

#[cfg(target_vendor = "apple")]
fn groups(_login: &CString, main: Gid) -> nix::Result<Vec<Gid>> {
    Ok(vec![main])
}

#[cfg(target_vendor = "apple")]
fn set_groups(_groups: &[Gid]) -> nix::Result<()> {
    Err(nix::Error::ENOTSUP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let root = User::named("root").unwrap();
        assert!(root.entry.uid.is_root() && root.groups.contains(&Gid::from_raw(0)));
        assert_eq!(User::named("0").unwrap().name(), "root");
        let error = User::named("no-such-user-here").unwrap_err();
        assert_eq!(error.message, "there is no user `no-such-user-here`");
    }
}
