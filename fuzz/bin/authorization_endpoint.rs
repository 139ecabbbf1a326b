//! Fuzzes the sandbox's authorization endpoints, for any query and any form.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("authorization_endpoint");
