//! Fuzzes the key set.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("key_set");
