// A host without Rust behind it: it plays a small world, says what it was asked, and can be told to answer otherwise.
import type { Answer, Host } from '../host';
import type {
  AccountView,
  AppEvent,
  AttemptView,
  ErrorView,
  FlowEventView,
  OpenSignOutView,
  ProviderView,
  RouteView,
  SignInRequest,
} from '../bindings';
import * as data from './data';
import * as findings from './findings';
import * as flows from './flows';

/** How the scripted world stands at the start. */
export interface World {
  accounts?: AccountView[];
  providers?: ProviderView[];
  openSignOuts?: OpenSignOutView[];
  attempt?: AttemptView | null;
  /** What happened before, step by step. */
  flows?: FlowEventView[];
  /** Answers of commands, in the place of the usual ones. */
  answers?: Partial<Host>;
  /** Whether the first event comes at all. */
  silent?: boolean;
  /** Whether a check-up finds something wrong, until it is repaired. */
  troubled?: boolean;
  /** Whether time passes: attempts move on and end well by themselves. */
  alive?: boolean;
}

export const ok = <T>(value: T): Promise<Answer<T>> =>
  Promise.resolve({ status: 'ok', data: value });
export const fail = (error: ErrorView): Promise<Answer<never>> =>
  Promise.resolve({ status: 'error', error });
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Which command was asked, and with what. */
export interface Asked {
  command: keyof Host;
  with: unknown[];
}

export class FakeHost implements Host {
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  accounts: AccountView[];
  providers: ProviderView[];
  openSignOuts: OpenSignOutView[];
  attempt: AttemptView | null;
  /** Every step that was told of a flow. */
  told: FlowEventView[];

  readonly #world: World;
  /** Where the pages of accounts are opened. */
  readonly #browsers = new Map<string, string | null>();
  #listener: ((event: AppEvent) => void) | null = null;
  #attempts: number;
  #repaired = false;
  #request: SignInRequest | null = null;

  constructor(world: World = {}) {
    this.#world = world;
    this.accounts = world.accounts ?? [];
    this.providers = world.providers ?? data.providers;
    this.openSignOuts = world.openSignOuts ?? [];
    this.attempt = world.attempt ?? null;
    this.told = world.flows ?? [];
    this.#attempts = this.attempt ? 1 : 0;
  }

  /** Tells the window something. */
  emit(event: AppEvent): void {
    if (event.event === 'accounts') this.accounts = event.accounts;
    if (event.event === 'open_sign_outs') this.openSignOuts = event.open_sign_outs;
    if (event.event === 'attempt') this.attempt = event.attempt;
    if (event.event === 'attempt_ended' && this.attempt?.id === event.id) this.attempt = null;
    if (event.event === 'flow') this.told = [...this.told, event.step];
    this.#listener?.(event);
  }

  /** Ends the attempt that is going on as the account `account`. */
  succeed(account: AccountView, already = false): void {
    const id = this.attempt?.id ?? '';
    const others = this.accounts.filter((other) => other.id !== account.id);
    this.emit({ event: 'accounts', accounts: [...others, account] });
    const end = { outcome: 'signed_in', account: account.id, already } as const;
    this.emit({ event: 'attempt_ended', id, end });
  }

  /** What `command` was last asked with. */
  last(command: keyof Host): unknown[] | undefined {
    return this.asked.filter((asked) => asked.command === command).at(-1)?.with;
  }

  appInfo: Host['appInfo'] = () => this.#answer('appInfo', [], () => ok(data.info));

  subscribe: Host['subscribe'] = (listener) =>
    this.#answer('subscribe', [listener], () => {
      this.#listener = listener;
      const { accounts, attempt, providers, openSignOuts: open_sign_outs } = this;
      if (this.#world.silent !== true) {
        queueMicrotask(() =>
          listener({ event: 'snapshot', accounts, attempt, providers, open_sign_outs }),
        );
      }
      return ok(null);
    });

  drawn: Host['drawn'] = () => this.#answer('drawn', [], () => ok(null));

  signIn: Host['signIn'] = (request) =>
    this.#answer('signIn', [request], () => {
      this.#request = request;
      return this.#begin(request);
    });

  goBy: Host['goBy'] = (id, route) =>
    this.#answer('goBy', [id, route], () => {
      const { attempt } = this;
      if (attempt?.id !== id) return fail(data.errors.late);
      const request = this.#request ?? data.request(attempt.provider);
      return this.#begin({ ...request, route });
    });

  #begin(request: SignInRequest): Promise<Answer<AttemptView>> {
    const provider = this.providers.find(({ id }) => id === request.provider);
    if (this.attempt) {
      this.emit({ event: 'attempt_ended', id: this.attempt.id, end: { outcome: 'cancelled' } });
    }
    this.#attempts += 1;
    const routes: RouteView[] = provider?.routes ?? ['scheme'];
    const route = request.route ?? routes[0] ?? 'scheme';
    const attempt = data.attempt({
      id: `attempt-${String(this.#attempts)}`,
      provider: request.provider,
      provider_name: provider?.name ?? request.provider,
      route,
      other_routes: routes.filter((other) => other !== route),
      page: `${provider?.issuer ?? ''}/authorize`,
      device:
        route === 'device'
          ? { user_code: 'WDJB-MJHT', verification_uri: `${provider?.issuer ?? ''}/device` }
          : null,
    });
    this.emit({ event: 'attempt', attempt });
    if (this.#world.alive === true) {
      const flow = this.#tell(flows.waitingSignIn(0), attempt.provider_name);
      if (route !== 'scheme') this.#play(attempt, request.account, flow);
    }
    return ok(attempt);
  }

  cancelSignIn: Host['cancelSignIn'] = (id) =>
    this.#answer('cancelSignIn', [id], () => {
      this.emit({ event: 'attempt_ended', id, end: { outcome: 'cancelled' } });
      return ok(null);
    });

  keepAnother: Host['keepAnother'] = (id) =>
    this.#answer('keepAnother', [id], () => {
      const { attempt } = this;
      if (attempt?.id !== id || !attempt.another) return fail(data.errors.late);
      const { came } = attempt.another;
      this.emit({
        event: 'attempt',
        attempt: {
          ...attempt,
          revision: attempt.revision + 1,
          stage: 'finishing',
          another: null,
        },
      });
      if (this.#world.alive === true) {
        const account = { ...data.ann(), ...came, id: 'account-came', subject: 'came' };
        setTimeout(() => this.succeed(account), 1_500);
      }
      return ok(null);
    });

  askAgain: Host['askAgain'] = (id) =>
    this.#answer('askAgain', [id], () => {
      const { attempt } = this;
      if (attempt?.id !== id || !attempt.another) return fail(data.errors.late);
      return this.#begin(this.#request ?? data.request(attempt.provider));
    });

  openAgain: Host['openAgain'] = (id) => this.#answer('openAgain', [id], () => ok(null));
  copyLink: Host['copyLink'] = (id) => this.#answer('copyLink', [id], () => ok(null));
  pasteCallback: Host['pasteCallback'] = (id, text) =>
    this.#answer('pasteCallback', [id, text], () => ok(null));

  accountDetail: Host['accountDetail'] = (id) =>
    this.#answer('accountDetail', [id], () => {
      const account = this.accounts.find((other) => other.id === id);
      if (!account) return fail(data.errors.late);
      return ok({ ...data.detail(account), browser: this.#browsers.get(id) ?? null });
    });

  browsers: Host['browsers'] = () => this.#answer('browsers', [], () => ok(data.browsers));

  setBrowser: Host['setBrowser'] = (id, browser) =>
    this.#answer('setBrowser', [id, browser], () => {
      this.#browsers.set(id, browser);
      this.emit({ event: 'accounts', accounts: this.accounts });
      return ok(null);
    });

  accountStorage: Host['accountStorage'] = (id) =>
    this.#answer('accountStorage', [id], () => {
      const account = this.accounts.find((other) => other.id === id);
      return account ? ok(data.kept(account)) : fail(data.errors.late);
    });

  otherStorage: Host['otherStorage'] = () =>
    this.#answer('otherStorage', [], () => ok(data.beside(this.openSignOuts)));

  moveStorage: Host['moveStorage'] = (id, untilQuit) =>
    this.#answer('moveStorage', [id, untilQuit], () => {
      const accounts = this.accounts.map((other) =>
        other.id === id ? { ...other, until_quit: untilQuit } : other,
      );
      this.emit({ event: 'accounts', accounts });
      return ok(null);
    });

  signOut: Host['signOut'] = (id, way) =>
    this.#answer('signOut', [id, way], () => {
      const account = this.accounts.find((other) => other.id === id);
      if (this.#world.alive === true) this.#tell(flows.signedOut(0), account?.provider_name ?? '');
      this.emit({ event: 'accounts', accounts: this.accounts.filter((other) => other.id !== id) });
      return ok({ ...data.receipt, account: id, name: account?.name ?? '' });
    });

  retrySignOut: Host['retrySignOut'] = (id) =>
    this.#answer('retrySignOut', [id], () => {
      this.#closeSignOut(id);
      return ok('done');
    });

  forgetSignOut: Host['forgetSignOut'] = (id) =>
    this.#answer('forgetSignOut', [id], () => {
      this.#closeSignOut(id);
      return ok(null);
    });

  #closeSignOut(id: string): void {
    const open_sign_outs = this.openSignOuts.filter((other) => other.id !== id);
    this.emit({ event: 'open_sign_outs', open_sign_outs });
  }

  signOutInBrowser: Host['signOutInBrowser'] = (id) =>
    this.#answer('signOutInBrowser', [id], () => {
      if (this.#world.alive === true) {
        const end = { outcome: 'returned' } as const;
        setTimeout(() => this.emit({ event: 'browser_sign_out', account: id, end }), 3_000);
      }
      return ok(null);
    });

  catalogue: Host['catalogue'] = (account) =>
    this.#answer('catalogue', [account], () => ok(data.catalogue));

  call: Host['call'] = (request) =>
    this.#answer('call', [request], () => {
      const account = this.accounts.find(({ id }) => id === request.account);
      if (this.#world.alive === true) this.#tell(flows.callAgain(0), account?.provider_name ?? '');
      const page = /page=(\d+)/.exec(request.url)?.[1];
      if (request.url.endsWith('/ledger')) return ok(data.answers.missing);
      if (request.url.endsWith('/strongbox')) return ok(data.answers.stepUp);
      if (request.url.endsWith('/picture')) return ok(data.answers.image);
      if (!/^https?:\/\/127\.0\.0\.1/.test(request.url)) return fail(data.errors.policy);
      return ok(page === undefined || page === '2' ? data.answers.last : data.answers.page);
    });

  checkUp: Host['checkUp'] = () =>
    this.#answer('checkUp', [], () =>
      ok(this.#world.troubled === true && !this.#repaired ? findings.troubled : findings.well),
    );

  repair: Host['repair'] = (id) =>
    this.#answer('repair', [id], () => {
      this.#repaired = true;
      return ok(null);
    });

  saveProvider: Host['saveProvider'] = (input) =>
    this.#answer('saveProvider', [input], () => {
      const old = this.providers.find(({ id }) => id === input.id);
      const saved: ProviderView = {
        ...(old ?? data.acme),
        id: old?.id ?? `provider-${String(this.providers.length)}`,
        name: old?.name ?? (input.name || input.issuer.replace(/^https?:\/\//, '')),
        issuer: old?.issuer ?? input.issuer,
        client_id: input.client_id,
        apis: old && !old.editable ? old.apis : input.apis,
        ready: true,
        problem: null,
      };
      this.providers = old
        ? this.providers.map((other) => (other.id === saved.id ? saved : other))
        : [...this.providers, saved];
      this.emit({ event: 'providers', providers: this.providers });
      return ok(saved);
    });

  removeProvider: Host['removeProvider'] = (id) =>
    this.#answer('removeProvider', [id], () => {
      this.providers = this.providers.filter((other) => other.id !== id);
      this.emit({ event: 'providers', providers: this.providers });
      return ok(null);
    });

  openProviderPage: Host['openProviderPage'] = (of) =>
    this.#answer('openProviderPage', [of], () => ok(null));

  flows: Host['flows'] = () => this.#answer('flows', [], () => ok(this.told));

  saveReport: Host['saveReport'] = (flow) =>
    this.#answer('saveReport', [flow], () => {
      const file = `/home/ann/Downloads/tessera-sign_in-${String(1_795_508_399 + flow)}`;
      return ok({ json: `${file}.json`, markdown: `${file}.md` });
    });

  async #answer<K extends keyof Host>(
    command: K,
    given: Parameters<Host[K]>,
    usual: () => ReturnType<Host[K]>,
  ): Promise<Awaited<ReturnType<Host[K]>>> {
    this.asked.push({ command, with: given });
    const other = this.#world.answers?.[command] as
      ((...given: Parameters<Host[K]>) => ReturnType<Host[K]>) | undefined;
    return await (other ? other(...given) : usual());
  }

  /** Tells a flow that begins now; gives back its number. */
  #tell(script: flows.Script, provider: string): number | undefined {
    const events = flows.begin(this.told, { ...script, provider });
    for (const step of events) this.emit({ event: 'flow', step });
    return events[0]?.flow;
  }

  /** Lets an attempt go well, in its own time. */
  #play(attempt: AttemptView, account: string | null, flow: number | undefined): void {
    setTimeout(() => {
      if (this.attempt?.id !== attempt.id) return;
      this.emit({ event: 'attempt', attempt: { ...attempt, revision: 2, stage: 'finishing' } });
      for (const [index, part] of flows.comingBack().entries()) {
        setTimeout(() => {
          for (const step of flows.next(this.told, [part], flow))
            this.emit({ event: 'flow', step });
        }, index * 100);
      }
      setTimeout(() => {
        const known = this.accounts.find(({ id }) => id === account) ?? data.ann();
        if (this.attempt?.id === attempt.id) {
          this.succeed({ ...known, state: 'signed_in', reason: null, signed_in_at: data.now() });
        }
      }, 1_500);
    }, 4_000);
  }
}
