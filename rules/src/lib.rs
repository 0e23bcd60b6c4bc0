//! What a foresee manifest means, and how it is run.
//!
//! The way of the data: `manifest` turns text into checked cases, `run` decides what runs and turns what happens into
//! outcomes, `report` and `artifacts` turn outcomes into files. `docs/architecture.md` shows the whole.

pub mod artifacts;
pub mod case;
pub mod diagnostic;
pub mod http;
pub mod json;
pub mod manifest;
pub mod outcome;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod source;

mod executor;
mod plan;
mod process;
mod shown;
mod usecase;
