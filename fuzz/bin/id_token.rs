//! Fuzzes the ID token: any text, any header and any claims.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("id_token");
