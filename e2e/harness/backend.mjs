// A backend that does what the test says: it records every event and answers when told to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Inbox, within } from './wait.mjs';

export class Backend {
  /** Listens on a free port of the loopback interface, or on the given one; with TLS, as `tls` names certificate and key. */
  static async start({ port = 0, path = '/events', tls } = {}) {
    const backend = new Backend(path, tls);
    await backend.listen(port);
    return backend;
  }

  constructor(path, tls) {
    this.path = path;
    this.tls = tls;
    /** Events that nobody has taken yet; each waits for its answer. */
    this.events = new Inbox('events at the backend');
    /** When set, is asked first; what it returns (unless undefined) is the answer. */
    this.onEvent = null;
    /** Each time that it was told of the broker's start. */
    this.starts = [];
    this.sockets = new Set();
    this.requests = 0;
  }

  async listen(port) {
    const receive = (request, response) => this.#receive(request, response);
    this.server = this.tls
      ? createTlsServer({ cert: readFileSync(this.tls.cert), key: readFileSync(this.tls.key) }, receive)
      : createServer(receive);
    this.server.keepAliveTimeout = 0;
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    this.port = this.server.address().port;
  }

  get url() {
    return this.tls
      ? `https://localhost:${this.port}${this.path}`
      : `http://127.0.0.1:${this.port}${this.path}`;
  }

  /** The next event that `wants` accepts. */
  next(what = 'an event', wants) {
    return this.events.next(what, wants);
  }

  /** The next event whose message has this type. */
  nextOf(type) {
    return this.next(`an event of type ${type}`, (event) => event.message?.type === type);
  }

  /** Closes the listener and every connection, answered or not. */
  async stop() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await within(closed, 'the backend stops');
  }

  async #receive(request, response) {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // The broker went away in the middle of its request.
    }
    // What it asks at its start, before any event.
    if (request.method === 'HEAD') return void response.writeHead(405).end();
    const event = new BackendEvent(request, Buffer.concat(chunks), response);
    // It comes before all others, and few tests are about it.
    if (event.message?.type === 'broker-start') {
      this.starts.push(event);
      return void await event.answer();
    }
    this.requests += 1;
    const answer = await this.onEvent?.(event);
    if (answer === undefined) {
      this.events.push(event);
    } else {
      await event.answer(answer);
    }
  }
}

/** One try of one event. */
class BackendEvent {
  #response;

  constructor(request, body, response) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.#response = response;
    /** The raw body, which signatures are made of. */
    this.body = body;
    this.raw = fieldsOf(request.headers['content-type'] ?? '', body);
    this.message = JSON.parse(this.raw.message);
    this.connection = JSON.parse(this.raw.connection);
  }

  /** Answers with a list of commands, or with text as it is. */
  async answer(answer = [], { status = 200, headers = {} } = {}) {
    if (this.#response.destroyed) return; // The broker has gone away meanwhile.
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer);
    this.#response.writeHead(status, { 'content-type': 'text/html', ...headers });
    const finished = new Promise((resolve) => {
      this.#response.once('finish', resolve);
      this.#response.once('close', resolve);
    });
    this.#response.end(body);
    await within(finished, 'the answer is written');
  }

  /** What the answer is written to, for answers that are none by HTTP's rules. */
  get socket() {
    return this.#response.socket;
  }

  /** Cuts the connection without an answer. */
  reset() {
    this.socket.resetAndDestroy();
  }

  toJSON() {
    return { message: this.message, connection: this.connection };
  }
}

/** The two fields of an event, as text, in whichever of the three formats they came. */
function fieldsOf(contentType, body) {
  const [mime] = contentType.split(';');
  let fields;
  if (mime === 'multipart/form-data') {
    fields = multipart(/boundary="?([^";]+)"?/.exec(contentType)[1], body);
  } else if (mime === 'application/x-www-form-urlencoded') {
    fields = [...new URLSearchParams(body.toString())];
  } else if (mime === 'application/json') {
    const { message, connection } = JSON.parse(body);
    return { message: JSON.stringify(message), connection: JSON.stringify(connection) };
  } else {
    assert.fail(`an event of the unknown content type ${JSON.stringify(contentType)}`);
  }
  // Two fields, in this order: what every existing backend reads.
  assert.deepEqual(fields.map(([name]) => name), ['message', 'connection']);
  return Object.fromEntries(fields);
}

/** RFC 7578, as strictly as PHP reads it: any slip of ours is an error here. */
function multipart(boundary, body) {
  // Latin-1 keeps every byte, so that positions in the text are positions in the body.
  const text = body.toString('latin1');
  const parts = text.split(`--${boundary}`);
  assert.equal(parts[0], '', 'nothing stands before the first boundary');
  assert.match(parts.at(-1), /^--(\r\n)?$/, 'the last boundary ends the body');
  return parts.slice(1, -1).map((part) => {
    assert.ok(part.startsWith('\r\n') && part.endsWith('\r\n'), 'a part stands between line ends');
    const split = part.indexOf('\r\n\r\n');
    const name = /^content-disposition: form-data; name="([^"]*)"$/im.exec(part.slice(2, split))[1];
    return [name, Buffer.from(part.slice(split + 4, -2), 'latin1').toString('utf8')];
  });
}
