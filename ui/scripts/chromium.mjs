// Where the browser for tests is: what CHROMIUM names, what `cargo xtask` fetched, or what the system has. None is ever
// downloaded from here.
import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const names = ['chromium', 'google-chrome-stable', 'google-chrome', 'chrome.exe', 'msedge.exe'];
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** @param {string} file */
const isFile = (file) => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

/** @returns {string} */
export function chromium() {
  const named = process.env['CHROMIUM'];
  if (named) return named;
  const fetched = fileURLToPath(new URL('../../target/tools/bin', import.meta.url));
  const folders = [fetched, ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean)];
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const program = [...found, ...elsewhere].find(isFile);
  if (program) return program;
  throw new Error(
    'No Chromium is here. `cargo xtask test` installs it, or name one with CHROMIUM.',
  );
}
