// An error as text that a person can send to someone: what the window shows, and which build it was.
import type { AppInfo, ErrorView } from '../host';

export function report(error: ErrorView, info: AppInfo | null): string {
  const lines = [
    `Tessera ${info?.version ?? '?'} (${info?.platform ?? '?'}${info?.development ? ', development build' : ''})`,
    `Code: ${error.code}`,
    error.message,
    error.hint,
  ];
  if (error.detail) lines.push('', error.detail);
  return lines.join('\n');
}
