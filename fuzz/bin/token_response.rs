//! Fuzzes the answer of the token endpoint.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("token_response");
