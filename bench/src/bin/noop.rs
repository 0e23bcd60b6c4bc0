//! A program that does nothing: not even what Rust does before `main`.
#![no_main]

/// Exits with 0.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    0
}
