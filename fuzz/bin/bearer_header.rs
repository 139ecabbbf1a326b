//! Fuzzes the guard, for any `Authorization` field.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("bearer_header");
