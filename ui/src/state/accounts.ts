// Finding an account among many.
import type { AccountView } from '../host';

/** Whether every word of `wanted` is in the account's name, address, provider or subject. */
export function matches(account: AccountView, wanted: string): boolean {
  const text = [account.name, account.email, account.provider_name, account.issuer, account.subject]
    .join('\n')
    .toLocaleLowerCase();
  return wanted
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
