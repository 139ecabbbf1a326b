// The entry: draws the shell at once and asks the host for the rest. In a plain browser (`npm run dev`, or a build
// in mode `demo`) a scripted host stands in for Rust; a release build does not contain it.
import { mount } from 'svelte';
import App from './App.svelte';
import { locale } from './messages';
import { tauriHost } from './host';
import './style/base.css';

document.documentElement.lang = locale;

const scripted =
  import.meta.env.MODE === 'demo' || (import.meta.env.DEV && !('__TAURI_INTERNALS__' in window));

if (scripted) {
  const { demo } = await import('./host/fake/demo');
  mount(App, { target: document.body, props: demo() });
} else {
  mount(App, { target: document.body, props: { host: tauriHost } });
}
