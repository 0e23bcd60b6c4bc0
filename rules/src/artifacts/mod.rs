//! Logs as artifacts: masked, hashed, stored once, and found again.

mod layout;
mod log_dir;
mod mask;
mod store;
mod tail;

pub(crate) use layout::write_indices;
pub use layout::{LogEntry, LogIndex, check_output_dir, gc, read_index, verify, write_whole};
pub(crate) use log_dir::LogDir;
pub(crate) use mask::{Mask, readable};
pub use store::Keep;
pub(crate) use store::{Log, Store};
pub(crate) use tail::tail;
