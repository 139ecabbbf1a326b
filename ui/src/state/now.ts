// Everything that Rust has told the window, and how each event changes it. Pure: no runes, no host.
import type {
  AccountView,
  AppEvent,
  AttemptView,
  ErrorView,
  OpenSignOutView,
  ProviderView,
} from '../host';

/** A sign-in that did not work, kept until the person moves on. */
export interface Failure {
  /** Which attempt; `null` when it never became one. */
  attempt: string | null;
  /** The provider's id. */
  provider: string;
  error: ErrorView;
}

/** Something that arrived and could not be used. */
export interface Notice {
  key: number;
  error: ErrorView;
}

export interface Now {
  /** Whether the first event has come. */
  loaded: boolean;
  accounts: AccountView[];
  providers: ProviderView[];
  /** Sign-outs that the provider could not be told of yet. */
  openSignOuts: OpenSignOutView[];
  attempt: AttemptView | null;
  failure: Failure | null;
  notices: Notice[];
  /** Attempts that are over: what still arrives about them is too late. */
  over: ReadonlySet<string>;
}

export const nothingYet: Now = {
  loaded: false,
  accounts: [],
  providers: [],
  openSignOuts: [],
  attempt: null,
  failure: null,
  notices: [],
  over: new Set(),
};

const MOST_NOTICES = 3;

/** Whether a person would read the same twice. */
const isSame = (one: ErrorView, other: ErrorView): boolean =>
  one.code === other.code && one.message === other.message && one.hint === other.hint;

/** Whether it is about an address that came from a browser. */
const isOfCallback = ({ code }: ErrorView): boolean =>
  /^(answer_|attempt_|callback_|redirect_uri_|state_)/.test(code);

/** Whether `view` shows the same attempt as `than` at an earlier time. */
const isOlder = (view: AttemptView, than: AttemptView | null): boolean =>
  view.id === than?.id && view.revision < than.revision;

/** The picture after `event`. */
export function reduce(now: Now, event: AppEvent): Now {
  switch (event.event) {
    case 'snapshot':
      return {
        ...now,
        loaded: true,
        accounts: event.accounts,
        providers: event.providers,
        openSignOuts: event.open_sign_outs,
        attempt:
          !event.attempt || now.over.has(event.attempt.id)
            ? null
            : isOlder(event.attempt, now.attempt)
              ? now.attempt
              : event.attempt,
      };
    case 'attempt':
      // A command's answer and the events overtake each other: an attempt that is over stays over, and never goes
      // back to how it was.
      if (now.over.has(event.attempt.id) || isOlder(event.attempt, now.attempt)) return now;
      return { ...now, attempt: event.attempt, failure: null };
    case 'attempt_ended': {
      const over = new Set(now.over).add(event.id);
      // The end of an attempt that was replaced must not end the one that replaced it.
      if (now.attempt && now.attempt.id !== event.id) return { ...now, over };
      const failure: Failure | null =
        event.end.outcome === 'failed'
          ? {
              attempt: event.id,
              provider: now.attempt?.provider ?? '',
              error: event.end.error,
            }
          : now.failure;
      // What strayed in meanwhile does not matter any more.
      const notices =
        event.end.outcome === 'signed_in'
          ? now.notices.filter(({ error }) => !isOfCallback(error))
          : now.notices;
      return { ...now, over, attempt: null, failure, notices };
    }
    case 'accounts':
      return { ...now, accounts: event.accounts };
    case 'open_sign_outs':
      return { ...now, openSignOuts: event.open_sign_outs };
    case 'providers':
      return { ...now, providers: event.providers };
    // Neither is part of the picture: the Flow screen and the receipt keep them.
    case 'flow':
    case 'browser_sign_out':
      return now;
    case 'notice': {
      if (now.notices.some(({ error }) => isSame(error, event.error))) return now;
      const key = (now.notices.at(-1)?.key ?? 0) + 1;
      return {
        ...now,
        notices: [...now.notices, { key, error: event.error }].slice(-MOST_NOTICES),
      };
    }
  }
}
