// What a provider said about a person, in the order in which a person reads it.
import type { AccountView, ClaimView } from '../host';

export interface Claim {
  name: string;
  value: string;
  /** The value as a moment, in seconds since 1970, where it is one (OIDC Core section 2, RFC 7519 section 4.1). */
  moment: number | null;
}

/** What a person calls themselves comes first. */
const first = [
  'name',
  'given_name',
  'middle_name',
  'family_name',
  'nickname',
  'preferred_username',
  'login',
  'email',
  'phone_number',
  'picture',
];

const moments = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at']);

/** The claims to show beside the account's issuer and subject, which are not said twice: who it is, and the rest by
 *  name. */
export function arrange(
  claims: ClaimView[],
  account: AccountView,
): { first: Claim[]; rest: Claim[] } {
  const shown = claims
    .filter(({ name, value }) => !(name === 'iss' && value === account.issuer))
    .filter(({ name, value }) => !(name === 'sub' && value === account.subject))
    .map(({ name, value }) => ({
      name,
      value,
      moment: moments.has(name) && /^\d{9,11}$/.test(value) ? Number(value) : null,
    }));
  const rank = ({ name }: Claim) => first.indexOf(name);
  return {
    first: shown.filter((claim) => rank(claim) !== -1).sort((a, b) => rank(a) - rank(b)),
    rest: shown
      .filter((claim) => rank(claim) === -1)
      .sort((a, b) => a.name.localeCompare(b.name, 'en')),
  };
}
