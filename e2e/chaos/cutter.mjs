// A line between two programs that can be cut in the middle of a request or of an answer, or be dead.

import { connect, createServer } from 'node:net';

export class Cutter {
  /** Passes on to the port `target` what comes to its own. */
  static async start(target) {
    const cutter = new Cutter(target);
    await cutter.open();
    return cutter;
  }

  #target;
  #sockets = new Set();

  constructor(target) {
    this.#target = target;
    this.port = 0;
    /** While set, says for each connection how many bytes of that direction still pass before it is cut. */
    this.request = null;
    this.answer = null;
    /** How many connections were cut. */
    this.cuts = 0;
  }

  async open() {
    // Half-open, so that an end is passed on in its direction alone.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#join(socket));
    await new Promise((resolve, reject) => {
      this.server.once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
    this.port = this.server.address().port;
  }

  /** Connections are refused from now on, and those that are there end. */
  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) reset(socket);
    await closed;
  }

  #join(near) {
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on('error', () => reset(other));
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on('end', () => other.end());
      socket.on('drain', () => other.resume());
    }
    this.#pass(near, far, 'request');
    this.#pass(far, near, 'answer');
  }

  #pass(from, to, direction) {
    let left = null;
    from.on('data', (bytes) => {
      if (this[direction] === null) {
        left = null;
      } else {
        left ??= this[direction]();
        if (bytes.length >= left) {
          this.cuts += 1;
          from.pause();
          // What is before the cut gets there; then one side sees an end, the other a reset.
          to.end(bytes.subarray(0, left), () => reset(from));
          return;
        }
        left -= bytes.length;
      }
      if (!to.write(bytes)) from.pause();
    });
  }
}

function reset(socket) {
  // Of one that is ending Node 20 forgets the file when it is to be reset.
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
