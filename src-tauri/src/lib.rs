//! The desktop shell: one window, the commands it may call, and the inbox for callbacks.

pub mod bindings;
mod commands;
pub mod wire;

include!("command_names.rs");
