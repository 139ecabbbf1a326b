// The one door to Rust. Screens import from here; nothing outside this folder knows Tauri.
export type * from './types';
export { fault, type Answer, type Host } from './host';
export { tauriHost } from './tauri';
