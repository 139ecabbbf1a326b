//! Fuzzes the answers to a device authorization request and to a poll.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("device_response");
