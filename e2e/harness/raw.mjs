// A client that can break the rules: it writes any bytes, and reads frames without judging them.

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Inbox, within } from './wait.mjs';

export class RawClient {
  /** Connects to `url` (ws:) and performs the handshake, which must succeed. */
  static async connect(url, headers = {}) {
    const { hostname, port, pathname, search, host } = new URL(url);
    const client = new RawClient(Number(port), hostname);
    client.write(
      [
        `GET ${pathname}${search} HTTP/1.1`,
        `Host: ${host}`,
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Version: 13',
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        '',
        '',
      ].join('\r\n'),
    );
    const head = await client.head();
    if (!head.startsWith('HTTP/1.1 101')) {
      throw new Error(head ? `the handshake is answered with\n${head}` : `the handshake is not answered: ${client.#end}`);
    }
    client.#readsFrames = true;
    client.#read();
    return client;
  }

  #buffer = Buffer.alloc(0);
  #readsFrames = false;
  #headWaiter = null;
  #end = 'the peer has closed the socket';

  constructor(port, host = '127.0.0.1') {
    /** Frames as `{opcode, payload}`. */
    this.frames = new Inbox('frames of the raw client');
    this.socket = connect({ port, host });
    this.socket.on('error', (error) => { this.#end = error.message; });
    this.socket.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#read();
    });
    this.gone = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.frames.end('the socket is closed');
        this.#headWaiter?.();
        resolve(this.#buffer.toString('latin1'));
      });
    });
  }

  write(bytes) {
    this.socket.write(bytes, 'latin1');
  }

  /** Stops reading, so that the peer's send buffers fill. */
  stopReading() {
    this.socket.pause();
  }

  /** The head of the answer, up to the empty line. */
  async head() {
    const arrived = new Promise((resolve) => {
      this.#headWaiter = resolve;
      this.#read();
    });
    await within(arrived, 'the head of an answer');
    const end = this.#buffer.indexOf('\r\n\r\n');
    const head = this.#buffer.subarray(0, end + 4).toString('latin1');
    this.#buffer = this.#buffer.subarray(end + 4);
    return head;
  }

  /** Everything that comes until the peer closes the socket. */
  async rest() {
    return within(this.gone, 'the socket is closed');
  }

  /** Writes one frame; every field can be wrong. */
  frame(payload, { opcode = 1, fin = true, rsv = 0, masked = true, claim } = {}) {
    this.write(frameBytes(Buffer.from(payload), { opcode, fin, rsv, masked, claim }));
  }

  /** The code and reason of the close frame that comes next; other frames are passed over. */
  async closeFrame() {
    const { payload } = await this.frames.next('a close frame', ({ opcode }) => opcode === 8);
    if (payload.length < 2) return { code: 1005, reason: '' };
    return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  vanish() {
    this.socket.destroy();
  }

  #read() {
    if (!this.#readsFrames) {
      if (this.#headWaiter && this.#buffer.includes('\r\n\r\n')) {
        this.#headWaiter();
        this.#headWaiter = null;
      }
      return;
    }
    for (;;) {
      if (this.#buffer.length < 2) return;
      const opcode = this.#buffer[0] & 0x0f;
      let length = this.#buffer[1] & 0x7f;
      let at = 2;
      if (length === 126) {
        if (this.#buffer.length < 4) return;
        length = this.#buffer.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (this.#buffer.length < 10) return;
        length = Number(this.#buffer.readBigUInt64BE(2));
        at = 10;
      }
      if (this.#buffer.length < at + length) return;
      this.frames.push({ opcode, payload: Buffer.from(this.#buffer.subarray(at, at + length)) });
      this.#buffer = this.#buffer.subarray(at + length);
    }
  }
}

/** RFC 6455 §5.2. `claim` is a length that the header states instead of the true one. */
function frameBytes(payload, { opcode, fin, rsv, masked, claim }) {
  const length = claim ?? payload.length;
  const mask = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  let head;
  if (length < 126) {
    head = Buffer.from([first, mask | length]);
  } else if (length < 65536) {
    head = Buffer.from([first, mask | 126, 0, 0]);
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([head, payload]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, payload.map((byte, index) => byte ^ key[index % 4])]);
}
