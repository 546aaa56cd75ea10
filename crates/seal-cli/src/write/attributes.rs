//! Mode, owner and access list: what a replaced file has to keep.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, Gid, Uid, access, fchown};

/// Whether this process may write the file. Root may always.
pub(super) fn is_writable(path: &Path) -> bool {
    access(path, Access::WRITE_OK).is_ok()
}

/// Gives the temporary file what the existing one has.
///
/// Guarantee: nobody may read the new file who could not read the old one, the running user aside, who just did. Where
/// group or access list cannot be kept, those who would come in instead get no more than everybody else had.
pub(super) fn copy(path: &Path, existing: &Metadata, temporary: &File) -> io::Result<()> {
    let created = temporary.metadata()?;
    let mut mode = existing.mode() & 0o7777;

    let (uid, gid) = (existing.uid(), existing.gid());
    if (created.uid(), created.gid()) != (uid, gid) {
        let (owner, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        if fchown(temporary, owner, group).is_err() {
            // Set-id bits belong to the owner that is lost.
            mode &= 0o1777;
            if created.gid() != gid && fchown(temporary, None, group).is_err() {
                mode = without_group(mode);
            }
        }
    }
    if !copy_access_list(path, temporary) {
        mode = without_group(mode);
    }
    // Last: chown clears bits, and with an access list the group's bits are its mask.
    temporary.set_permissions(Permissions::from_mode(mode))
}

/// Takes from the group what not everybody has.
fn without_group(mode: u32) -> u32 {
    let others = mode & 0o007;
    mode & !(0o070 & !(others << 3))
}

/// Returns false where the existing file has an access list that the temporary one cannot get.
#[cfg(target_os = "linux")]
fn copy_access_list(path: &Path, temporary: &File) -> bool {
    use rustix::fs::{XattrFlags, fremovexattr, fsetxattr, getxattr};
    use rustix::io::Errno;

    const ACCESS_LIST: &str = "system.posix_acl_access";
    let mut list = [0; 4096];
    match getxattr(path, ACCESS_LIST, &mut list) {
        Ok(length) => {
            fsetxattr(temporary, ACCESS_LIST, &list[..length], XattrFlags::empty()).is_ok()
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => {
            // The directory's default list may have come to the temporary file, but the old one is without.
            matches!(
                fremovexattr(temporary, ACCESS_LIST),
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP)
            )
        }
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn copy_access_list(_path: &Path, _temporary: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::without_group;

    #[test]
    fn a_lost_group_leaves_its_members_what_everybody_has() {
        for (before, after) in [
            (0o640, 0o600),
            (0o660, 0o600),
            (0o644, 0o644),
            (0o664, 0o644),
            (0o755, 0o755),
            (0o604, 0o604),
            (0o600, 0o600),
        ] {
            assert_eq!(without_group(before), after, "{before:o}");
        }
    }
}
