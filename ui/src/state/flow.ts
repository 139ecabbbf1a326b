// One flow as it is drawn: the events that Rust told of it, made into steps. A step is a message with what Tessera
// checked and decided upon it, or what it decided before there was any message. Pure: no runes, no host.
import type {
  CheckView,
  ErrorView,
  FlowEventView,
  FlowKindView,
  FlowOutcomeView,
  PartyView,
} from '../host';

/** A message as it crossed between two parties. */
export type FlowMessage = Extract<FlowEventView['step'], { type: 'message' }>;

export interface FlowStep {
  /** The number of its first event: stays the same while the flow goes on. */
  key: number;
  /** Milliseconds since 1970. */
  at: number;
  /** `null` where Tessera decided something before any message. */
  message: FlowMessage | null;
  /** What was checked upon it, in order. */
  checks: CheckView[];
  /** What was decided upon it, as sentences. */
  decisions: string[];
}

export interface Flow {
  id: number;
  kind: FlowKindView;
  /** The provider's name, once known. */
  provider: string | null;
  /** The account's id, once known. */
  account: string | null;
  /** When it began, in milliseconds since 1970. */
  began: number;
  steps: FlowStep[];
  /** How it ended; `null` while it goes on. */
  end: { at: number; outcome: FlowOutcomeView; error: ErrorView | null } | null;
  /** How many events it was told in. */
  events: number;
}

/** Who takes part, in the order in which they are drawn. */
const parties: readonly PartyView[] = [
  'person',
  'tessera',
  'browser',
  'provider',
  'api',
  'keychain',
];

/** Who takes part in a flow of this kind as a rule: drawn from its beginning, so that the drawing seldom moves. */
const usual: Record<FlowKindView, readonly PartyView[]> = {
  sign_in: ['person', 'tessera', 'browser', 'provider', 'keychain'],
  refresh: ['tessera', 'provider', 'keychain'],
  call: ['tessera', 'api', 'keychain'],
  sign_out: ['person', 'tessera', 'provider', 'keychain'],
};

/** The flow after `event`. Steps that it does not change stay the same objects. */
export function grow(flow: Flow | undefined, event: FlowEventView): Flow {
  const before: Flow = flow ?? {
    id: event.flow,
    kind: event.kind,
    provider: null,
    account: null,
    began: event.at_millis,
    steps: [],
    end: null,
    events: 0,
  };
  const known: Flow = {
    ...before,
    provider: event.provider ?? before.provider,
    account: event.account ?? before.account,
    events: before.events + 1,
  };
  const { step } = event;
  const fresh = (change: Partial<FlowStep>): FlowStep => ({
    key: event.sequence,
    at: event.at_millis,
    message: null,
    checks: [],
    decisions: [],
    ...change,
  });
  const last = known.steps.at(-1);
  const upon = (change: (last: FlowStep) => Partial<FlowStep>): FlowStep[] => {
    const old = last ?? fresh({});
    return [...known.steps.slice(0, -1), { ...old, ...change(old) }];
  };
  switch (step.type) {
    case 'message':
      return { ...known, steps: [...known.steps, fresh({ message: step })] };
    case 'checks':
      return {
        ...known,
        steps: upon(({ checks }) => ({ checks: [...checks, ...step.checks] })),
      };
    case 'decision':
      return {
        ...known,
        steps: upon(({ decisions }) => ({ decisions: [...decisions, step.sentence] })),
      };
    case 'ended':
      return { ...known, end: { at: event.at_millis, outcome: step.outcome, error: step.error } };
  }
}

/** Who is drawn, in order: whoever took part, and while the flow goes on also whoever is going to. */
export function lanes(flow: Flow): PartyView[] {
  const drawn = new Set<PartyView>(flow.end ? [] : usual[flow.kind]);
  for (const { message } of flow.steps) {
    // What is decided before any message is Tessera's own.
    for (const party of message ? [message.from, message.to] : (['tessera'] as const)) {
      drawn.add(party);
    }
  }
  return parties.filter((party) => drawn.has(party));
}

/** Whether nothing crosses between two parties: something that one of them does alone. */
export const isAlone = ({ from, to }: FlowMessage): boolean => from === to;

/** How a flow stands. */
export const outcome = ({ end }: Flow): FlowOutcomeView => end?.outcome ?? 'running';

/** Whether nothing came of it, and not because the person called it off. */
export function isInVain(flow: Flow): boolean {
  const how = outcome(flow);
  return how === 'failed' || how === 'refused';
}

export const hasFailedCheck = ({ checks }: FlowStep): boolean =>
  checks.some((check) => check.outcome === 'failed');

/** Messages that are sent however a flow ends. */
const IN_ANY_CASE = new Set(['finished_page']);

/** What Tessera looks at once more when a provider has said no. */
const SECOND_LOOKS = new Set(['access_token_read', 'refresh_token_read']);

const isOneOf = (ids: ReadonlySet<string>, { message }: FlowStep): boolean =>
  message !== null && ids.has(message.id);

/** The step at which a flow failed: the last, but where the provider said no and there was another look, its no. */
export function failedStep(flow: Flow): FlowStep | null {
  if (!isInVain(flow)) return null;
  const steps = flow.steps.filter((step) => !isOneOf(IN_ANY_CASE, step));
  const before = steps.findLast((step) => !isOneOf(SECOND_LOOKS, step));
  return (before?.message?.id === 'error_response' ? before : steps.at(-1)) ?? null;
}

/** Whether a person began it by pressing something. */
const isBegun = ({ kind }: Flow): boolean => kind !== 'refresh';

/** Which flow to show when none was chosen: one that goes on, else the last; what a person began comes first. */
export function first(flows: readonly Flow[]): Flow | null {
  const begun = flows.filter(isBegun);
  return (
    begun.findLast(({ end }) => !end) ??
    begun.at(-1) ??
    flows.findLast(({ end }) => !end) ??
    flows.at(-1) ??
    null
  );
}

/** Every flow that is known, oldest first by when each began. */
export interface Known {
  flows: ReadonlyMap<number, Flow>;
  /** The number of the last event that was taken in. */
  last: number;
}

export const noneKnown: Known = { flows: new Map(), last: 0 };

/** How many events are known at the most before what Rust has kept of them is asked for: it keeps 2,000. */
export const MOST_EVENTS = 3_000;

/** What is known after `events`; those that were taken in before change nothing. */
export function takeIn(known: Known, events: readonly FlowEventView[]): Known {
  const flows = new Map(known.flows);
  let { last } = known;
  for (const event of events) {
    if (event.sequence <= last) continue;
    last = event.sequence;
    flows.set(event.flow, grow(flows.get(event.flow), event));
  }
  return { flows, last };
}

/** How many events are known. */
export const count = ({ flows }: Known): number =>
  [...flows.values()].reduce((sum, { events }) => sum + events, 0);
