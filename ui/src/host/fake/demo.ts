// What stands in for Rust in a plain browser: the state that the address asks for (`?state=NAME`), else a small world
// in which sign-ins go well after a moment.
import type { Host } from '../host';
import * as data from './data';
import { FakeHost } from './fake';
import { callAgain, history, refreshed, refusedToken, signedIn } from './flows';
import { scenarios, type Step } from './scenarios';

export function demo(): { host: Host; patience?: number } {
  const name = new URLSearchParams(window.location.search).get('state');
  const scenario = name === null ? undefined : scenarios[name];
  if (!scenario) {
    const told = history(signedIn(), callAgain(), refreshed(), refusedToken());
    return { host: new FakeHost({ accounts: data.accounts(), flows: told, alive: true }) };
  }
  const host = new FakeHost(scenario.world);
  window.location.hash = scenario.at;
  void play(host, scenario.then ?? [], scenario.steps ?? []);
  return scenario.patience === undefined ? { host } : { host, patience: scenario.patience };
}

async function play(host: FakeHost, events: Parameters<FakeHost['emit']>[0][], steps: Step[]) {
  await settled();
  for (const event of events) host.emit(event);
  for (const step of steps) {
    await settled();
    perform(step);
  }
  await settled();
  document.documentElement.dataset['settled'] = 'yes';
}

/** Does what a person would. */
export function perform(step: Step): void {
  const find = (id: string) => {
    const found = document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
    if (!found) throw new Error(`nothing on the screen is called ${id}`);
    return found;
  };
  if ('press' in step) {
    find(step.press).click();
  } else if ('choose' in step) {
    const list = find(step.in) as HTMLSelectElement;
    list.value = step.choose;
    list.dispatchEvent(new Event('change', { bubbles: true }));
  } else {
    const field = find(step.into) as HTMLInputElement;
    field.value = step.type;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }
}

/** After the window has drawn what it was told. */
export const settled = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 20)));
