// The one door to Rust. Screens import from here; nothing outside this folder knows Tauri.
//
// What crosses is in bindings.ts, written from src-tauri/src/wire.rs. Nothing there has a place for a token, a code,
// a verifier or a client secret; tests/secrets.test.ts keeps it so.
export type * from './bindings';
export { fault, type Answer, type Host } from './host';
export { tauriHost } from './tauri';
