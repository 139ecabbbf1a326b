//! Fuzzes the discovery document.
#![cfg_attr(fuzzing, no_main)]

tessera_fuzz::program!("discovery_document");
