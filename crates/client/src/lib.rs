//! The client role of OAuth: providers, sign-in attempts, accounts, fresh tokens, and the gateway that calls
//! protected APIs. Owns the ports it needs of the world; knows no shell, no window and no terminal.

pub mod ports;
