// Opens the window in a state, as a person finds it.
import { render } from 'vitest-browser-svelte';
import App from '../src/App.svelte';
import { FakeHost, type World } from '../src/host/fake/fake';
import { perform } from '../src/host/fake/demo';
import { scenarios } from '../src/host/fake/scenarios';

export const byId = (id: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  if (!found) throw new Error(`nothing on the screen is called ${id}`);
  return found;
};

export const has = (id: string): boolean =>
  document.querySelector(`[data-testid="${id}"]`) !== null;

/** What a screen reader was last told. */
export const said = (): string => byId('announcement').textContent.trim();

/** After the window has drawn what it was told. */
export const drawn = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));

/** The window on this world, at this fragment. */
export async function open(world: World = {}, at = '', patience?: number): Promise<FakeHost> {
  window.location.hash = at;
  const host = new FakeHost(world);
  await render(App, patience === undefined ? { host } : { host, patience });
  await drawn();
  return host;
}

/** The window in the state of this name. */
export async function openState(name: string): Promise<FakeHost> {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`no state is called ${name}`);
  const host = await open(scenario.world, scenario.at, scenario.patience);
  for (const event of scenario.then ?? []) host.emit(event);
  for (const step of scenario.steps ?? []) {
    await drawn();
    perform(step);
  }
  await drawn();
  return host;
}
