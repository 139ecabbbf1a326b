// Every flow that the window knows of. Told step by step by events; what happened before the window was loaded, or was
// lost on the way to it, is asked for.
import type { ErrorView, FlowEventView, FlowKindView, Host } from '../host';
import { count, MOST_EVENTS, noneKnown, takeIn, type Flow, type Known } from './flow';

export class Flows {
  readonly #host: Host;

  #known = $state.raw<Known>(noneKnown);
  /** Why what happened before could not be read, when it could not. */
  error = $state.raw<ErrorView | null>(null);

  /** All of them, oldest first. */
  readonly all: Flow[] = $derived([...this.#known.flows.values()]);

  /** Whether an answer of `flows` is awaited; events that come meanwhile wait with it. */
  #loading = false;
  #waiting: FlowEventView[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** The flow with this id, as a place names it. */
  find(id: string | null): Flow | null {
    return id === null ? null : (this.#known.flows.get(Number(id)) ?? null);
  }

  /** The last flow of a kind. */
  last(kind: FlowKindView): Flow | null {
    return this.all.findLast((flow) => flow.kind === kind) ?? null;
  }

  /** The last flow of a kind, if it ended in `error`: an earlier one that did is not what failed now. */
  failed(kind: FlowKindView, error: ErrorView): Flow | null {
    const flow = this.last(kind);
    return flow?.end?.error?.code === error.code ? flow : null;
  }

  /** Reads what happened so far. */
  async load(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const answer = await this.#host.flows();
    this.#loading = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.error = answer.status === 'error' ? answer.error : null;
    // All of it anew: what was known may have had a gap.
    const known = answer.status === 'ok' ? takeIn(noneKnown, answer.data) : this.#known;
    this.#known = takeIn(known, waiting);
  }

  /** Takes in one event. */
  take(event: FlowEventView): void {
    if (this.#loading) {
      this.#waiting.push(event);
    } else if (this.#known.last > 0 && event.sequence > this.#known.last + 1) {
      // Some were lost on the way; Rust still has them.
      this.#waiting.push(event);
      void this.load();
    } else {
      this.#known = takeIn(this.#known, [event]);
      // Rust knows which flows have to go.
      if (count(this.#known) > MOST_EVENTS) void this.load();
    }
  }
}
