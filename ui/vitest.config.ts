// Tests run in a real Chromium: the one that is installed, never a downloaded one.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromium } from './scripts/chromium.mjs';

export default defineConfig({
  plugins: [svelte()],
  // Found before the first test, so that no test file is loaded twice.
  optimizeDeps: { include: ['axe-core', '@tauri-apps/api/core', '@tauri-apps/api/mocks'] },
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 60_000,
    setupFiles: ['tests/setup.ts'],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      viewport: { width: 900, height: 640 },
      provider: playwright({
        launchOptions: {
          executablePath: chromium(),
          args: ['--disable-gpu', '--disable-dev-shm-usage'],
        },
        contextOptions: {
          locale: 'en-GB',
          timezoneId: 'UTC',
          reducedMotion: 'reduce',
          permissions: ['clipboard-read', 'clipboard-write'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
});
