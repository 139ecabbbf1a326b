//! Fuzzes the guard, for any proof of possession.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("dpop_proof");
