// A WebSocket client on npm `ws`.

import WebSocket from 'ws';
import { Inbox, within } from './wait.mjs';

export class Client {
  /** Opens a connection and waits for the handshake. */
  static async connect(url, { headers = {}, protocols = [], ...options } = {}) {
    const client = new Client(url, protocols, { headers, perMessageDeflate: false, ...options });
    await client.opened;
    return client;
  }

  constructor(url, protocols, options) {
    /** Text frames as strings, binary ones as buffers. */
    this.frames = new Inbox(`frames of the client of ${url}`);
    const finishRequest = (request) => {
      /** The `Sec-WebSocket-Key` that this client chose. */
      this.key = request.getHeader('sec-websocket-key');
      request.end();
    };
    this.socket = new WebSocket(url, protocols, { ...options, finishRequest });
    this.socket.on('message', (data, binary) => this.frames.push(binary ? data : data.toString()));
    this.socket.on('error', () => {}); // Told by `opened` and `closed`.
    /** `{code, reason}` once the connection is closed. */
    this.gone = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.close = { code, reason: reason.toString() };
        this.frames.end(`closed with ${code} ${reason}`);
        resolve(this.close);
      });
    });
    this.opened = within(
      new Promise((resolve, reject) => {
        this.socket.once('open', resolve);
        this.socket.once('error', reject);
        this.socket.once('unexpected-response', (_, response) => {
          const error = new Error(`the handshake is answered with ${response.statusCode}`);
          error.status = response.statusCode;
          this.socket.terminate();
          reject(error);
        });
      }),
      `the handshake with ${url}`,
    );
  }

  get open() {
    return this.close === undefined;
  }

  say(message) {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** The next frame, which must be JSON. */
  async hear(what = 'a frame') {
    return JSON.parse(await this.frames.next(what));
  }

  /** Sends a ping and waits for its pong: by then the broker has read all that was sent before. */
  async ping(payload = '') {
    const pong = new Promise((resolve) => this.socket.once('pong', (data) => resolve(data.toString())));
    this.socket.ping(payload);
    return within(pong, 'a pong');
  }

  /** Waits for the end of the connection. */
  async closed() {
    return within(this.gone, 'the connection is closed');
  }

  async leave(code = 1000, reason = '') {
    this.socket.close(code, reason);
    return this.closed();
  }

  /** Drops the connection without a close frame. */
  vanish() {
    this.socket.terminate();
  }
}
