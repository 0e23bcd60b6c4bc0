//! What a usecase means: the request that a target makes, and what is asked of its answer.
//!
//! Nothing here sends anything or knows a process. The executor fills a request, has `http` send it, and asks for a
//! judgement on what came.

mod answer;
mod capture;
mod cookie;
mod fill;
mod judge;
mod matcher;
mod multipart;

pub(crate) use answer::Answer;
pub(crate) use fill::fill;
pub(crate) use judge::{Judgement, judge};
