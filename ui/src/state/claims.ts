// What a provider said about a person, in the order in which a person reads it.
import type { AccountView, ClaimView } from '../host';

export interface Claim {
  name: string;
  value: string;
  /** The value as a moment, in seconds since 1970, where it is one (OIDC Core section 2, RFC 7519 section 4.1). */
  moment: number | null;
}

/** Who it is comes first; the rest follows by name. */
const first = [
  'name',
  'given_name',
  'middle_name',
  'family_name',
  'nickname',
  'preferred_username',
  'login',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
];

const moments = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at']);

/** The claims to show beside the account's issuer and subject, which are not said twice. */
export function arrange(claims: ClaimView[], account: AccountView): Claim[] {
  const rank = (name: string) => {
    const place = first.indexOf(name);
    return place === -1 ? first.length : place;
  };
  return claims
    .filter(({ name, value }) => !(name === 'iss' && value === account.issuer))
    .filter(({ name, value }) => !(name === 'sub' && value === account.subject))
    .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name, 'en'))
    .map(({ name, value }) => ({
      name,
      value,
      moment: moments.has(name) && /^\d{9,11}$/.test(value) ? Number(value) : null,
    }));
}
