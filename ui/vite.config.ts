// Build and development server. The bundle is served by Tauri from the app itself, so it is one script and one
// style sheet, with no polyfill for loading parts and nothing inline that the content security policy would refuse.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { host: '127.0.0.1', port: 1420, strictPort: true },
  build: {
    // WKWebView of macOS 13 and WebKitGTK 2.42 are the oldest engines that Tauri meets.
    target: ['safari16.4', 'chrome111'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
});
