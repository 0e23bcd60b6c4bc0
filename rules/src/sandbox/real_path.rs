//! Paths without links.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::mount::c_path;

/// As `std::fs::canonicalize`, but in room of our own: for the C library's, musl maps and unmaps a page each time, which
/// takes longer than the rest.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    let path = c_path(path);
    let mut room = [0; libc::PATH_MAX as usize];
    // SAFETY: a C string, and room for the longest path that there is.
    let found = unsafe { libc::realpath(path.as_ptr(), room.as_mut_ptr()) };
    if found.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `found` is `room`, where the path was written with a final NUL.
    let found = unsafe { CStr::from_ptr(found) };
    Ok(OsStr::from_bytes(found.to_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_standard_library_finds() {
        for path in ["/", "/usr/../usr/./bin", "/proc/self/exe", ".", "/bin", "/no/such/path", ""] {
            let expected = std::fs::canonicalize(path).map_err(|error| error.raw_os_error());
            assert_eq!(real_path(Path::new(path)).map_err(|error| error.raw_os_error()), expected, "{path}");
        }
    }
}
