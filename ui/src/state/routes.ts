// Which way back to offer when the browser's answer does not come.
import type { AttemptView, RouteView } from '../host';

/** A way back that a person can switch to; pasting is always one of them where a browser is involved. */
export type Way = RouteView | 'paste';

const order: readonly Way[] = ['scheme', 'loopback', 'paste', 'device'];

/** The ways that this attempt has beside its own, best first. */
export function otherWays(attempt: AttemptView): Way[] {
  return order.filter((way) =>
    way === 'paste' ? attempt.route !== 'device' : attempt.other_routes.includes(way),
  );
}

/** The one to offer: the next after the attempt's own, else the first there is. */
export function nextWay(attempt: AttemptView): Way | null {
  const ways = otherWays(attempt);
  const here = order.indexOf(attempt.route);
  return ways.find((way) => order.indexOf(way) > here) ?? ways[0] ?? null;
}
