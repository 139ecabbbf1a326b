// How a flow that never happened is written down, and told as Rust would: in the words of words.json, which
// `cargo xtask bindings` writes from Rust.
import type {
  CheckView,
  ErrorView,
  FlowEventView,
  FlowFieldView,
  FlowKindView,
  FlowOutcomeView,
  FlowStepView,
  PartyView,
} from '../bindings';
import { now } from './data';
import words from './words.json';

/** A step, and how long after the one before it was made, in milliseconds. */
export type Part = [after: number, step: FlowStepView];

/** A flow as it would be told. */
export interface Script {
  kind: FlowKindView;
  provider: string | null;
  account: string | null;
  /** How long ago it began, in seconds. */
  ago: number;
  parts: Part[];
}

export const shown = (name: string, value: string): FlowFieldView => ({
  name,
  value,
  characters: null,
});
export const masked = (name: string, characters: number): FlowFieldView => ({
  name,
  value: null,
  characters,
});

export function message(
  id: string,
  from: PartyView,
  to: PartyView,
  fields: FlowFieldView[] = [],
): FlowStepView {
  const known = words.messages.find((one) => one.id === id);
  if (!known) throw new Error(`Rust has no message ${id}`);
  return { type: 'message', from, to, fields, ...known };
}

export function check(
  id: string,
  expected: string | null = null,
  seen: string | null = expected,
  result = 'passed',
): CheckView {
  const known = words.checks.find((one) => one.id === id);
  if (!known) throw new Error(`Rust has no check ${id}`);
  return { ...known, outcome: result, expected, seen };
}

export const checks = (...made: CheckView[]): FlowStepView => ({ type: 'checks', checks: made });
export const decision = (code: string, sentence: string): FlowStepView => ({
  type: 'decision',
  code,
  sentence,
});
/** How Rust would tell that a flow with this error ended. */
const outcomes: Record<string, FlowOutcomeView> = {
  api_refused: 'refused',
  cancelled: 'cancelled',
  interrupted: 'cancelled',
  replaced: 'cancelled',
  superseded: 'cancelled',
};
export const ended = (error: ErrorView | null = null): FlowStepView => ({
  type: 'ended',
  outcome: error === null ? 'done' : (outcomes[error.code] ?? 'failed'),
  error,
});

/** What Rust would tell, after what it `told`, of a flow that begins. */
export function begin(told: readonly FlowEventView[], script: Script): FlowEventView[] {
  const { kind, provider, account, ago, parts } = script;
  const flow = Math.max(0, ...told.map((event) => event.flow)) + 1;
  let sequence = told.at(-1)?.sequence ?? 0;
  let at_millis = Math.round((now() - ago) * 1000);
  return parts.map(([after, step]) => {
    sequence += 1;
    at_millis += after;
    return { sequence, at_millis, flow, kind, provider, account, step };
  });
}

/** What Rust would tell of these flows, one after the other. */
export const history = (...scripts: Script[]): FlowEventView[] =>
  scripts.reduce<FlowEventView[]>((told, script) => [...told, ...begin(told, script)], []);

/** What Rust would tell, after what it `told`, when a flow goes on with `parts`; else the last one. */
export function next(
  told: readonly FlowEventView[],
  parts: readonly Part[],
  flow = told.at(-1)?.flow,
): FlowEventView[] {
  const of = told.findLast((event) => event.flow === flow);
  if (!of) return [];
  let sequence = told.at(-1)?.sequence ?? 0;
  let { at_millis } = of;
  return parts.map(([after, step]) => {
    sequence += 1;
    at_millis += after;
    return { ...of, sequence, at_millis, step };
  });
}
