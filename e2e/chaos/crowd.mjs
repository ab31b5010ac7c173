// The clients: they say numbered messages, and remember what was acknowledged.

import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../harness.mjs';

const TICK_MS = 20;
/** Messages have up to this many letters beside their number, so that a cut hits heads as well as bodies. */
const PADDING_MAX = 2000;

export class Crowd {
  static async enter(url, size, dice) {
    const members = [];
    for (let number = 1; number <= size; number += 1) {
      const client = await Client.connect(url, { headers: { cookie: `client=${number}` } });
      const member = { number, client, said: 0, acknowledged: [], left: false, dropped: null };
      // Nobody takes the frames out, so they are not kept.
      client.frames.push = (frame) => member.acknowledged.push(JSON.parse(frame).n);
      client.gone.then((end) => {
        if (!member.left) member.dropped = end;
      });
      members.push(member);
    }
    return new Crowd(members, dice);
  }

  #dice;

  constructor(members, dice) {
    this.members = members;
    this.#dice = dice;
    this.said = 0;
  }

  /** Says `total` messages, so many a second, each by anybody. */
  async talk(total, perSecond) {
    const started = Date.now();
    while (this.said < total) {
      const due = Math.min(total, Math.ceil(((Date.now() - started) / 1000) * perSecond));
      while (this.said < due) this.#say(this.#dice.pick(this.members));
      await pause(TICK_MS);
    }
  }

  #say(member) {
    member.said += 1;
    this.said += 1;
    member.client.say({ type: 'say', n: member.said, padding: 'p'.repeat(this.#dice.between(0, PADDING_MAX)) });
  }

  /** How much each has said by now. */
  saidByEach() {
    return this.members.map(({ said }) => said);
  }

  /** Closes each connection in order. */
  async leave() {
    for (const member of this.members) {
      member.left = true;
      member.client.socket.close(1000);
    }
    await Promise.all(this.members.map(({ client }) => client.closed()));
  }
}
