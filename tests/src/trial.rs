//! What `cargo xtask run` does where there is no display: the whole slice, by itself, on a virtual one.

fn main() {}
