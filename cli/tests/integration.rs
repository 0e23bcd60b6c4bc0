//! Tests of the whole program, as a user sees it.

mod golden;
mod hygiene;
mod isolation;
mod leavings;
mod logs;
mod model;
mod readme;
mod reports;
mod schema;
mod support;
mod terminal;
mod tools;
mod usecases;
