// The window's state: what Rust told it, where the person is, and what they are in the middle of.
import { createContext } from 'svelte';
import type {
  AccountView,
  Answer,
  AppEvent,
  AppInfo,
  AttemptView,
  BrowserSignOutEnd,
  BrowserView,
  ErrorView,
  Host,
  OpenSignOutView,
  ProviderView,
  ReceiptView,
  RouteView,
  SignInRequest,
} from '../host';
import { m } from '../messages';
import { Explorer } from './explorer.svelte';
import { Flows } from './flows.svelte';
import { nothingYet, reduce, type Failure, type Now } from './now';
import { readPlace, writePlace, type Place, type Screen } from './place';

/** Whether there were accounts when the window was last open: decides which screen the first paint shows. */
const HAD_ACCOUNTS = 'tessera.had-accounts';

/** How long a person waits for the browser before the next route is offered, in milliseconds. */
const PATIENCE = 8_000;

/** What to do when a sign-in that the window started is done. */
type Then = (account: string) => void;

/** What a sign-out did, and at which provider. */
export interface Receipt {
  provider: string;
  view: ReceiptView;
  /** How far the sign-out in the browser has come; `null` where nobody asked for it. */
  browser: { outcome: 'waiting' } | BrowserSignOutEnd | null;
}

/** A sign-in that the window asked for. */
interface Course {
  request: SignInRequest;
  then: Then | null;
  /** The attempt it became; `null` until Rust said so. */
  attempt: string | null;
  /** The attempt that it replaces, whose end is not this one's. */
  replaces: string | null;
}

export const emptyRequest = (provider: string): SignInRequest => ({
  provider,
  route: null,
  until_quit: false,
  account: null,
  choose: false,
  step_up: null,
  browser: null,
});

function remembered(): boolean {
  try {
    return localStorage.getItem(HAD_ACCOUNTS) === 'yes';
  } catch {
    return false;
  }
}

function remember(had: boolean): void {
  try {
    localStorage.setItem(HAD_ACCOUNTS, had ? 'yes' : 'no');
  } catch {
    // Without storage the first paint guesses; the first event corrects it.
  }
}

export class AppState {
  readonly host: Host;
  readonly patience: number;
  /** The Explorer's call outlives its screen. */
  readonly explorer: Explorer = new Explorer(this);
  /** What happened, step by step. */
  readonly flows: Flows;

  #now = $state.raw<Now>(nothingYet);
  #place = $state.raw<Place>({ screen: 'sign-in', item: null });
  /** Whether the person, or the address, chose the place; else the first event may correct the guess. */
  #placed = false;

  info = $state.raw<AppInfo | null>(null);
  /** Why the window hears nothing from Rust, when it does not. */
  trouble = $state.raw<ErrorView | null>(null);
  /** What a screen reader is told. */
  announcement = $state('');
  /** The account that was just signed in. */
  welcome = $state<string | null>(null);
  /** Whether somebody else was to be added then, and it was here already. */
  already = $state(false);
  /** What the last sign-out did, until the person has read it. */
  receipt = $state.raw<Receipt | null>(null);
  /** Which screen started the attempt that is going on, so that the wait is shown there. */
  startedOn = $state<Screen>('sign-in');

  /** The browsers that can be chosen, once somebody looked. */
  browsers = $state.raw<BrowserView[]>([]);

  #course: Course | null = null;

  constructor(host: Host, patience = PATIENCE) {
    this.host = host;
    this.flows = new Flows(host);
    this.patience = patience;
    this.#readAddress();
    if (!this.#placed) this.#place = { screen: remembered() ? 'accounts' : 'sign-in', item: null };
  }

  get loaded(): boolean {
    return this.#now.loaded;
  }
  get accounts(): AccountView[] {
    return this.#now.accounts;
  }
  get providers(): ProviderView[] {
    return this.#now.providers;
  }
  get openSignOuts(): OpenSignOutView[] {
    return this.#now.openSignOuts;
  }
  get attempt(): AttemptView | null {
    return this.#now.attempt;
  }
  get failure(): Failure | null {
    return this.#now.failure;
  }
  get notices(): Now['notices'] {
    return this.#now.notices;
  }
  get place(): Place {
    return this.#place;
  }

  account(id: string | null): AccountView | null {
    return this.accounts.find((account) => account.id === id) ?? null;
  }

  provider(id: string): ProviderView | null {
    return this.providers.find((provider) => provider.id === id) ?? null;
  }

  /** Connects to Rust and listens to the address. Gives back what undoes the listening. */
  start(): () => void {
    const moved = () => this.#readAddress();
    window.addEventListener('hashchange', moved);
    void this.connect();
    return () => window.removeEventListener('hashchange', moved);
  }

  /** Asks Rust to tell the window everything; once more when it could not. */
  async connect(): Promise<void> {
    this.trouble = null;
    const [heard, info] = await Promise.all([
      this.host.subscribe((event) => this.hear(event)),
      this.host.appInfo(),
    ]);
    if (info.status === 'ok') this.info = info.data;
    if (heard.status === 'error') this.trouble = heard.error;
    else if (info.status === 'error') this.trouble = info.error;
  }

  /** Takes in one event. */
  hear(event: AppEvent): void {
    if (event.event === 'flow') {
      this.flows.take(event.step);
      return;
    }
    const before = this.#now;
    this.#now = reduce(before, event);
    if (event.event === 'snapshot') {
      this.#firstPlace();
      void this.flows.load();
    }
    if (event.event === 'snapshot' || event.event === 'accounts')
      remember(this.accounts.length > 0);
    this.#announce(before, event);
    if (event.event === 'browser_sign_out') this.#browserSignedOut(event.account, event.end);
    if (event.event === 'attempt') this.#bind(event.attempt.id);
    if (event.event === 'attempt_ended' && event.end.outcome === 'signed_in') {
      this.#arrive(event.id, event.end.account, event.end.already);
    }
  }

  /** Goes to a screen. */
  go(screen: Screen, item: string | null = null): void {
    this.#placed = true;
    window.location.hash = writePlace(screen, item);
    this.#readAddress();
  }

  /** Goes to a screen when a sign-in is done, unless the person is watching how it went. */
  arriveAt(screen: Screen, item: string | null = null): void {
    if (this.#place.screen !== 'flow') this.go(screen, item);
  }

  /** Starts a sign-in. The wait is shown on the screen where it was started; `then` runs when it worked. */
  async signIn(
    request: SignInRequest,
    from: Screen = 'sign-in',
    then: Then | null = null,
  ): Promise<void> {
    this.startedOn = from;
    await this.#begin(request, then, () => this.host.signIn(request));
  }

  /** Begins a sign-in that `ask` asks Rust for. */
  async #begin(
    request: SignInRequest,
    then: Then | null,
    ask: () => Promise<Answer<AttemptView>>,
  ): Promise<void> {
    this.#course = { request, then, attempt: null, replaces: this.attempt?.id ?? null };
    this.welcome = null;
    this.forgetFailure();
    const answer = await ask();
    if (answer.status === 'ok') {
      this.hear({ event: 'attempt', attempt: answer.data });
    } else {
      this.#now = {
        ...this.#now,
        failure: { attempt: null, provider: request.provider, error: answer.error },
      };
      this.announcement = m.attempt.say.failed(answer.error.message);
    }
  }

  /** Has the browser signed out too, for the account of the receipt. */
  async signOutInBrowser(): Promise<void> {
    const account = this.receipt?.view.account;
    if (account === undefined) return;
    // Before the answer: the event that tells the end may overtake it.
    this.#browserSignedOut(account, { outcome: 'waiting' });
    const answer = await this.host.signOutInBrowser(account);
    if (answer.status === 'error') {
      this.#browserSignedOut(account, { outcome: 'failed', error: answer.error });
    }
  }

  /** The same sign-in once more, changed by `change`. */
  async signInAgain(provider: string, change: Partial<SignInRequest> = {}): Promise<void> {
    const last = this.#course?.request.provider === provider ? this.#course : null;
    const request = { ...(last?.request ?? emptyRequest(provider)), ...change };
    await this.signIn(request, this.startedOn, last?.then ?? null);
  }

  /** Goes on with `attempt` by another way back. Rust knows what it was for, also after the window was loaded anew. */
  async goBy(attempt: AttemptView, route: RouteView): Promise<void> {
    const last = this.#course?.request.provider === attempt.provider ? this.#course : null;
    const request = { ...(last?.request ?? emptyRequest(attempt.provider)), route };
    await this.#begin(request, last?.then ?? null, () => this.host.goBy(attempt.id, route));
  }

  /** Finds out which browsers there are; where that fails, none is offered. */
  async lookForBrowsers(): Promise<void> {
    const answer = await this.host.browsers();
    if (answer.status === 'ok') this.browsers = answer.data;
  }

  /** Has the provider asked again, where somebody else came than `attempt` was for. */
  async askAgain(attempt: AttemptView): Promise<void> {
    const last = this.#course?.request.provider === attempt.provider ? this.#course : null;
    const request = last?.request ?? emptyRequest(attempt.provider);
    await this.#begin(request, last?.then ?? null, () => this.host.askAgain(attempt.id));
  }

  /** Starts a sign-in that adds an account at a provider where there is one. */
  async addAnother(provider: string): Promise<void> {
    this.go('sign-in');
    await this.signIn({ ...emptyRequest(provider), choose: true });
  }

  forgetFailure(): void {
    if (this.#now.failure) this.#now = { ...this.#now, failure: null };
  }

  dismiss(key: number): void {
    this.#now = { ...this.#now, notices: this.#now.notices.filter((notice) => notice.key !== key) };
  }

  #readAddress(): void {
    const place = readPlace(window.location.hash);
    if (!place) return;
    this.#placed = true;
    if (place.screen !== 'accounts' || place.item !== null) this.welcome = null;
    if (place.screen !== this.#place.screen || place.item !== this.#place.item) this.#place = place;
  }

  #firstPlace(): void {
    if (this.#placed) return;
    this.#placed = true;
    // A sign-in that goes on is what the person came for, also after the window was loaded again.
    const screen = this.attempt || this.accounts.length === 0 ? 'sign-in' : 'accounts';
    this.#place = { screen, item: null };
  }

  #browserSignedOut(account: string, browser: NonNullable<Receipt['browser']>): void {
    if (this.receipt?.view.account !== account) return;
    this.receipt = { ...this.receipt, browser };
    const words = m.accounts.receipt.browser;
    this.announcement =
      browser.outcome === 'failed'
        ? browser.error.message
        : `${words[browser.outcome].title}. ${words[browser.outcome].text(this.receipt.view.provider_name)}`;
  }

  #bind(attempt: string): void {
    if (this.#course?.attempt === null && attempt !== this.#course.replaces) {
      this.#course.attempt = attempt;
    }
  }

  #arrive(attempt: string, account: string, already: boolean): void {
    const course = this.#course;
    if (course && (course.attempt ?? attempt) === attempt && attempt !== course.replaces) {
      this.#course = null;
      if (course.then) {
        course.then(account);
        return;
      }
    } else if (course) {
      // An attempt that a newer one replaced got through after all: its account is there, the wait goes on.
      return;
    }
    this.welcome = account;
    this.already = already;
    this.arriveAt('accounts');
  }

  #announce(before: Now, event: AppEvent): void {
    const say = m.attempt.say;
    if (event.event === 'attempt_ended') {
      if (before.attempt && before.attempt.id !== event.id) return;
      const { end } = event;
      if (end.outcome === 'signed_in') {
        const name = this.account(end.account)?.name ?? null;
        this.announcement = end.already && name !== null ? say.already(name) : say.signedIn(name);
      } else if (end.outcome === 'failed') this.announcement = say.failed(end.error.message);
      else this.announcement = say.cancelled;
      return;
    }
    const attempt = this.attempt;
    if (!attempt || attempt === before.attempt) return;
    if (attempt.id === before.attempt?.id && attempt.stage === before.attempt.stage) return;
    if (attempt.stage === 'preparing') this.announcement = say.preparing(attempt.provider_name);
    else if (attempt.stage === 'finishing') this.announcement = say.finishing;
    else if (attempt.another) {
      const { came, expected } = attempt.another;
      this.announcement = `${m.attempt.another.title(came.name, expected.name)}.`;
    } else if (attempt.device) {
      this.announcement = say.device(attempt.device.user_code, attempt.device.verification_uri);
    } else this.announcement = say.waiting(attempt.page);
  }
}

export const [useApp, provideApp] = createContext<AppState>();
