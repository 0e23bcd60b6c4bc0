//! What a foresee manifest means, and how it is run.
