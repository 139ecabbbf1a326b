//! Fuzzes what any program may send to the loopback listener.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("loopback_request");
