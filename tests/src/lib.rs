//! The lab: a whole desktop of its own for every journey, so that a test can do what a person does.
//!
//! A [`desktop::Desktop`] is a virtual screen with a session bus, an unlocked keyring and a window manager, in
//! a private home. On it run a visible Chromium that is the system's browser ([`browser`]), the app under test
//! in its real window ([`app`]), and providers to sign in to ([`op`], [`glewlwyd`], [`setting`]). Nothing is replaced by a
//! stand-in: the way from the app to the browser and back goes through `xdg-open` both times.
//!
//! Everything waits for something that can be seen (a line, a file, a port, an element) until a deadline;
//! nothing waits for time to pass. A tool that is missing is a failure that names the package.

pub mod alarm;
pub mod app;
pub mod browser;
pub mod desktop;
pub mod full_disk;
pub mod glewlwyd;
pub mod keyring;
pub mod op;
pub mod package;
pub mod pages;
pub mod processes;
pub mod program;
pub mod prompt;
pub mod rig;
pub mod secrets;
pub mod setting;
pub mod terminal;
pub mod tools;
pub mod trap;
pub mod untrusted;
pub mod visitor;
pub mod wait;
pub mod watch;

pub use desktop::{Desktop, journey};
