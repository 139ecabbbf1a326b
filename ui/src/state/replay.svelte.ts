// Walks a flow step by step, at the pace at which a person reads. Who wants less motion turns the pages themselves.

/** What a step takes at least, and what each character to read adds, in milliseconds. */
const LEAST = 1_500;
const CHARACTER = 25;

/** How long a person looks at a step with so much to read, in milliseconds. */
export const pace = (characters: number): number => LEAST + CHARACTER * characters;

const wantsLessMotion = (): boolean =>
  window.matchMedia('(prefers-reduced-motion: reduce)').matches;

/** A replay that is going on. It knows of steps only how many there are, and how much each has to read. */
export class Replay {
  readonly #count: () => number;
  readonly #characters: (index: number) => number;

  /** The step that is shown. */
  index = $state(0);
  /** Whether it goes on by itself. */
  playing = $state(false);

  constructor(count: () => number, characters: (index: number) => number) {
    this.#count = count;
    this.#characters = characters;
    this.playing = !wantsLessMotion();
  }

  get atEnd(): boolean {
    return this.index >= this.#count() - 1;
  }

  /** Goes on by itself, from the beginning when it is at the end. */
  play(): void {
    if (this.atEnd) this.index = 0;
    this.playing = true;
  }

  pause(): void {
    this.playing = false;
  }

  /** Goes one step, and leaves the rest to the person. */
  turn(by: 1 | -1): void {
    this.playing = false;
    this.index = Math.min(Math.max(this.index + by, 0), this.#count() - 1);
  }

  /** Waits for as long as the step takes, then shows the next. Gives back what ends the wait. */
  wait(): (() => void) | undefined {
    if (!this.playing) return undefined;
    if (this.atEnd) {
      this.playing = false;
      return undefined;
    }
    const timer = setTimeout(() => (this.index += 1), pace(this.#characters(this.index)));
    return () => clearTimeout(timer);
  }
}
