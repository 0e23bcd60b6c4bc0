//! What a plan means: which exits are anticipated, and what is asked of outputs.
//!
//! Nothing here knows a process; the executor asks, and tells what happened.

#[cfg(test)]
mod against_model;
mod output;
mod turns;

pub(crate) use output::violation;
pub(crate) use turns::{Standing, Turns};
