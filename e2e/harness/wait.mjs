// Waiting for a condition, always with a deadline.

import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take before the test fails. Generous, since the machine may be busy. */
export const DEADLINE_MS = 20_000;

/** The promise's value, or an error that names `what` once the deadline has passed. */
export async function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const detail = typeof what === 'function' ? what() : what;
      reject(new Error(`deadline of ${ms} ms passed: ${detail}`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks `condition` again and again until it gives something truthy, which is returned. */
export async function until(condition, what, ms = DEADLINE_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) {
      throw new Error(`deadline of ${ms} ms passed: ${typeof what === 'function' ? what() : what}`);
    }
    await pause(10);
  }
}

/** Things in the order in which they arrived, each taken once. */
export class Inbox {
  #name;
  #items = [];
  #waiters = [];
  #ended = null;

  constructor(name) {
    this.#name = name;
  }

  push(item) {
    const at = this.#waiters.findIndex((waiter) => waiter.wants(item));
    if (at < 0) {
      this.#items.push(item);
    } else {
      this.#waiters.splice(at, 1)[0].resolve(item);
    }
  }

  /** No more will come: who waits is told so at once. */
  end(why) {
    this.#ended = why;
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new Error(`${this.#name}: ${why}, so ${waiter.what} can't come; ${this.#summary()}`));
    }
  }

  /** What has arrived and was not taken. */
  get waiting() {
    return [...this.#items];
  }

  /** The first item that `wants` accepts, when it has come. */
  async next(what = 'the next', wants = () => true) {
    const at = this.#items.findIndex(wants);
    if (at >= 0) return this.#items.splice(at, 1)[0];
    if (this.#ended) {
      throw new Error(`${this.#name}: ${this.#ended}, so ${what} can't come; ${this.#summary()}`);
    }
    const waiter = { wants, what };
    const arrived = new Promise((resolve, reject) => Object.assign(waiter, { resolve, reject }));
    this.#waiters.push(waiter);
    try {
      return await within(arrived, () => `${this.#name}: ${what}; ${this.#summary()}`);
    } finally {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  #summary() {
    const shown = this.#items.slice(-8).map((item) => {
      const text = typeof item === 'string' ? item : JSON.stringify(item);
      return String(text).slice(0, 300);
    });
    return `not taken: ${this.#items.length}${shown.length ? `\n  ${shown.join('\n  ')}` : ''}`;
  }
}
