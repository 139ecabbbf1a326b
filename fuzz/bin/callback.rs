//! Fuzzes the callback, delivered or pasted.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("callback");
