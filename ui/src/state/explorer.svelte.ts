// The Explorer's call: what is being put together, what was sent, and what came back. Lives as long as the window, so
// that a call waits while the person gives a permission.
import type {
  AccountView,
  CallRequest,
  CallResponse,
  CatalogueEntry,
  ErrorView,
  StepUpView,
} from '../host';
import { emptyRequest, type AppState } from './app.svelte';

export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;

/** Whether a request of this method carries a body. */
export const takesBody = (method: string): boolean => method !== 'GET' && method !== 'HEAD';

export class Explorer {
  readonly #app: AppState;

  method = $state('GET');
  url = $state('');
  body = $state('');
  /** The known call that was picked. */
  picked = $state.raw<CatalogueEntry | null>(null);

  busy = $state(false);
  response = $state.raw<CallResponse | null>(null);
  error = $state.raw<ErrorView | null>(null);
  /** Whether the person has signed in for this very call: an API that is not content then is not asked for again. */
  asked = $state(false);
  /** The name of the other account that a person signed in as when asked for a permission. */
  other = $state<string | null>(null);

  catalogue = $state.raw<CatalogueEntry[]>([]);
  catalogueError = $state.raw<ErrorView | null>(null);

  #sent: CallRequest | null = null;
  #loaded: string | null = null;
  /** Rises with each call; the answer to an older one is dropped. */
  #turn = 0;
  #last = $state<string | null>(null);

  constructor(app: AppState) {
    this.#app = app;
  }

  /** The account that calls: the one in the address, the last one, or the first that can. */
  get account(): AccountView | null {
    const app = this.#app;
    return (
      app.account(app.place.screen === 'explorer' ? app.place.item : null) ??
      app.account(this.#last) ??
      app.accounts.find((account) => account.state !== 'needs_sign_in') ??
      app.accounts[0] ??
      null
    );
  }

  /** Takes an account up: its known calls are read, and what another account got is put away. */
  async use(account: string): Promise<void> {
    if (this.#loaded === account) return;
    if (this.#loaded !== null) this.clear();
    this.#loaded = account;
    this.#last = account;
    const answer = await this.#app.host.catalogue(account);
    if (this.#loaded !== account) return;
    this.catalogue = answer.status === 'ok' ? answer.data : [];
    this.catalogueError = answer.status === 'error' ? answer.error : null;
  }

  clear(): void {
    this.#turn += 1;
    this.busy = false;
    this.response = null;
    this.error = null;
    this.other = null;
    this.picked = null;
    this.catalogue = [];
  }

  pick(entry: CatalogueEntry): void {
    this.picked = entry;
    this.method = entry.method;
    this.url = entry.url;
    this.body = '';
  }

  /** Sends what is put together. */
  async send(): Promise<void> {
    const account = this.account;
    if (!account) return;
    await this.#call({
      account: account.id,
      method: this.method,
      url: this.url.trim(),
      body: takesBody(this.method) && this.body.trim() !== '' ? this.body : null,
    });
  }

  /** Fetches the next page of the answer. */
  async next(): Promise<void> {
    const { response } = this;
    const sent = this.#sent;
    if (!response?.next || !sent) return;
    this.method = 'GET';
    this.url = response.next;
    this.picked = null;
    await this.#call({ ...sent, method: 'GET', url: response.next, body: null });
  }

  /** Asks the person for what the API wants first, and makes the call again when it has that. */
  async ask({ scopes, acr_values, max_age }: StepUpView): Promise<void> {
    const sent = this.#sent;
    const account = this.#app.account(sent?.account ?? null);
    if (!sent || !account) return;
    await this.#app.signIn(
      {
        ...emptyRequest(account.provider),
        account: account.id,
        until_quit: account.until_quit,
        step_up: { scopes, acr_values, max_age },
      },
      'explorer',
      (signedIn) => {
        this.#app.arriveAt('explorer', account.id);
        // Rust lets nobody else in by such a sign-in; this is the second lock.
        if (signedIn === account.id) void this.#call(sent, true);
        else this.other = this.#app.account(signedIn)?.name ?? '';
      },
    );
  }

  async #call(request: CallRequest, asked = false): Promise<void> {
    this.#turn += 1;
    this.asked = asked;
    const turn = this.#turn;
    this.#sent = request;
    this.busy = true;
    this.error = null;
    this.other = null;
    const answer = await this.#app.host.call(request);
    if (turn !== this.#turn) return;
    this.busy = false;
    this.response = answer.status === 'ok' ? answer.data : null;
    this.error = answer.status === 'error' ? answer.error : null;
  }
}
