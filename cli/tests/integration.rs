//! Tests of the whole program, as a user sees it.

mod golden;
mod readme;
mod support;
