//! What `cargo xtask run` does where there is no display: the whole slice, by itself, on a virtual one.

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "a program's own word to whoever ran it")]
fn main() -> ExitCode {
    eprintln!(
        "The trial on a virtual display is not there yet; run `cargo xtask run` where there is a display."
    );
    ExitCode::FAILURE
}
