// Draws every state of every screen to target/screens/, in light and dark, at the window's usual size; and a few at
// 360 px and at 200 % zoom. Runs the built bundle under the content security policy of the app, and fails when a state
// breaks it, throws, or needs to scroll sideways.
//
//   npm run test:screens [-- PART-OF-A-NAME [SHAPE]]
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium as playwright } from 'playwright';
import { build, createServer, preview } from 'vite';
import { chromium } from './chromium.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}target/demo`;
const pictures = `${root}target/screens`;
const part = process.argv[2] ?? '';
const shapePart = process.argv[3] ?? '';

// As in src-tauri/tauri.conf.json, without what only Tauri serves.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

const shapes = [
  { name: 'light', width: 900, height: 640, scale: 1, theme: 'light' },
  { name: 'dark', width: 900, height: 640, scale: 1, theme: 'dark' },
  { name: 'narrow', width: 360, height: 740, scale: 1, theme: 'light' },
  // At 200 % a window of 900 × 640 has room for half as many CSS pixels.
  { name: 'zoom', width: 450, height: 320, scale: 2, theme: 'light' },
  { name: 'wide', width: 1600, height: 900, scale: 1, theme: 'light' },
];

const reader = await createServer({ root, server: { middlewareMode: true }, logLevel: 'error' });
const { scenarios } = await reader.ssrLoadModule('/src/host/fake/scenarios.ts');
await reader.close();
const names = Object.keys(scenarios).filter((name) => name.includes(part));

await build({
  root,
  mode: 'demo',
  logLevel: 'error',
  build: { outDir: bundle, emptyOutDir: true },
});
const server = await preview({
  root,
  logLevel: 'error',
  build: { outDir: bundle },
  preview: { host: '127.0.0.1', port: 0, headers: { 'Content-Security-Policy': policy } },
});
const address = server.resolvedUrls?.local[0];
if (!address) throw new Error('the preview server has no address');

const browser = await playwright.launch({ executablePath: chromium(), args: ['--disable-gpu'] });

if (part === '') await rm(pictures, { recursive: true, force: true });
await mkdir(pictures, { recursive: true });

const problems = [];
let drawn = 0;
for (const shape of shapes.filter(({ name }) => name.includes(shapePart))) {
  const context = await browser.newContext({
    viewport: { width: shape.width, height: shape.height },
    deviceScaleFactor: shape.scale,
    colorScheme: shape.theme === 'dark' ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  // As `freezePrototype` in src-tauri/tauri.conf.json does.
  await context.addInitScript(() => Object.freeze(Object.prototype));
  const page = await context.newPage();
  let current = '';
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${current}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`${current}: ${error.message}`));
  for (const name of names) {
    current = `${name} (${shape.name})`;
    await page.goto(`${address}?state=${name}`);
    await page.waitForSelector('html[data-settled]');
    const sideways = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (sideways > 0) problems.push(`${current}: ${sideways} px wider than the window`);
    // What stays in view when a page is scrolled stands where it belongs when it is not.
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: `${pictures}/${name}.${shape.name}.png`, fullPage: true });
    drawn += 1;
  }
  await context.close();
}

await browser.close();
await server.close();
console.log(`${drawn} pictures of ${names.length} states in ${pictures}`);
for (const problem of new Set(problems)) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
