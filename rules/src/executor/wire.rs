//! Messages between the supervisor and an executor: in postcard's format, each behind its length in four bytes.
//!
//! JSON would take longer to write than a short process to run.

use std::io::{self, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

const LENGTH: usize = size_of::<u32>();

/// postcard wants to own what it writes to.
struct Append<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Append<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

/// Appends `message` to `to`.
///
/// # Errors
///
/// When it can't be said, as a path that is no text. `to` is as it was then.
pub(crate) fn append(to: &mut Vec<u8>, message: &impl Serialize) -> io::Result<()> {
    let begin = to.len();
    to.extend([0; LENGTH]);
    let written = postcard::to_extend(message, Append(to)).map(drop).map_err(|error| match error {
        // Of our types only paths refuse to be serialized.
        postcard::Error::SerdeSerCustom => io::Error::other("a path of it is not UTF-8: rename what is named so"),
        error => io::Error::other(error),
    });
    let length = u32::try_from(to.len() - begin - LENGTH).map_err(io::Error::other);
    match written.and(length) {
        Ok(length) => {
            to[begin..begin + LENGTH].copy_from_slice(&length.to_le_bytes());
            Ok(())
        }
        Err(error) => {
            to.truncate(begin);
            Err(error)
        }
    }
}

/// Takes the first message off `bytes`, when it is there in whole.
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let (message, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(message)
}

/// What a message says.
pub(crate) fn parse<T: DeserializeOwned>(message: &[u8]) -> io::Result<T> {
    postcard::from_bytes(message).map_err(io::Error::other)
}

/// Reads one message, and not a byte more; `None` at the end.
pub(crate) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut message = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut message)?;
    parse(&message).map(Some)
}
