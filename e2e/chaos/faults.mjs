// What goes wrong, when, and for how long.
//
// Faults come in stretches, several in each, overlapping. A stretch is followed by rest until all that was said before
// has been settled. It is so short that no event fails as often as `backend.retries` in it, and so no event is taken
// for one that kills the application: that has tests of its own.

import { setTimeout as pause } from 'node:timers/promises';
import { Dice } from './random.mjs';

/** Each kind of fault: what it is `on` (two on the same don't overlap), and how it begins and ends. */
function kindsOf({ applications, nginx, lines, mood, seed }) {
  const kinds = [];
  // Chance of its own: how often it is asked depends on the traffic, and what goes wrong when must not.
  const dice = new Dice(seed, 'cuts');
  const add = (name, on, begin, end) => kinds.push({ name, on, begin, end });

  for (const application of applications) {
    add(`SIGKILL of ${application.name}`, application, () => application.kill(), () => application.resume());
    add(`SIGSTOP of ${application.name}`, application, () => application.signal('SIGSTOP'), () => application.signal('SIGCONT'));
  }
  add('nginx killed, connections refused', nginx, async () => {
    await Promise.all([nginx.kill(), lines.front.close()]);
  }, async () => {
    await nginx.resume();
    await lines.front.open();
  });
  for (const status of [502, 504]) {
    for (const share of ['some', 'all']) {
      add(`${status} from nginx for ${share}`, nginx, () => nginx.answers({ status, share }), () => nginx.answers(null));
    }
  }
  // A connection of the broker carries many requests, one of nginx carries one.
  for (const [place, cutters, most] of [
    ['the broker and nginx', [lines.front], 20_000],
    ['nginx and the applications', lines.back, 3000],
  ]) {
    for (const direction of ['request', 'answer']) {
      // Heads and bodies of answers are short.
      const reach = direction === 'answer' ? most / 10 : most;
      const set = (cut) => cutters.forEach((cutter) => { cutter[direction] = cut; });
      add(`${direction}s cut between ${place}`, `${place} ${direction}`,
        () => set(() => dice.between(1, reach)), () => set(null));
    }
  }
  for (const [manner, name, permille] of [
    ['slow', 'answers that take up to 3 s', 200], ['trickled', 'answers byte by byte', 200], ['huge', 'answers of 100 MiB', 100],
  ]) {
    add(name, manner, () => mood.set({ [manner]: permille }), () => mood.set({ [manner]: 0 }));
  }
  return kinds;
}

export class Faults {
  #kinds;
  #bag = [];
  #dice;
  #settings;

  /** `settings`: how many faults a stretch has, `atOnce`, and how long it is, `stretchMs`. */
  constructor(world, settings) {
    this.#kinds = kindsOf(world);
    this.#dice = new Dice(world.seed, 'faults');
    this.#settings = settings;
    /** How often each kind was there. */
    this.counts = new Map(this.#kinds.map(({ name }) => [name, 0]));
  }

  get isEachTried() {
    return [...this.counts.values()].every((count) => count > 0);
  }

  /** One stretch: when it is over, everything is as it should be. */
  async stretch() {
    const { stretchMs } = this.#settings;
    const faults = this.#draw().map((kind) => {
      const begin = this.#dice.between(0, stretchMs / 3);
      return { kind, begin, lasts: this.#dice.between(stretchMs / 2, stretchMs) - begin };
    });
    await Promise.all(faults.map(async ({ kind, begin, lasts }) => {
      await pause(begin);
      await kind.begin();
      await pause(lasts);
      await kind.end();
      this.counts.set(kind.name, this.counts.get(kind.name) + 1);
    }));
    return faults.map(({ kind, begin, lasts }) => `${kind.name} (${begin}-${begin + lasts} ms)`);
  }

  /** Kinds on different things; each comes about as often as any other. */
  #draw() {
    const drawn = [];
    if (this.#bag.length < this.#settings.atOnce) this.#bag.push(...this.#dice.shuffled(this.#kinds));
    for (const kind of [...this.#bag]) {
      if (drawn.length === this.#settings.atOnce) break;
      if (drawn.some(({ on }) => on === kind.on)) continue;
      drawn.push(kind);
      this.#bag.splice(this.#bag.indexOf(kind), 1);
    }
    return drawn;
  }
}
