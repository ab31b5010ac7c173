// One conversation with one broker, written down as it happens.
//
// A conversation is a function of a `Talk`. Each verb does one thing (a client connects, speaks, leaves;
// a command POST), waits until all its consequences have arrived, and writes them down in a fixed order,
// so that the same conversation with two brokers gives two transcripts that can be compared as text.
//
// How a verb knows that everything has arrived: a *barrier*. The client that caused the event says
// `{"type":"$barrier"}`, which the backend answers with a `send` to everyone; a connection's events are
// answered in order and its frames arrive in order, so whatever came before has arrived where the barrier has.
// A client that is gone can't do that: then the barrier is the last command of the answer itself.

import { Backend, Client, startOriginal, startWsbroker } from '../harness.mjs';
import { settled } from './exceptions.mjs';
import { settledJson } from './json.mjs';

/** What every client claims to be forwarded for, unless a conversation says otherwise. */
const FORWARDED_FOR = '203.0.113.7';

/**
 * Holds a conversation with a broker, `original` or `wsbroker`, and returns its transcript.
 * The originals share the process `originals`, since it takes long to start.
 */
export async function transcriptOf(conversation, which, originals) {
  const backend = await Backend.start({ path: conversation.backendPath });
  try {
    const broker = await start(which, conversation, backend.url, originals);
    const talk = new Talk(broker, backend, which, conversation);
    try {
      await conversation.hold(talk);
      return talk.lines.map((line) => `${line}\n`).join('');
    } catch (error) {
      error.message += `\nso far:\n${talk.lines.join('\n')}\nthe broker's log:\n${broker.child.log.slice(-3000)}`;
      throw error;
    } finally {
      for (const client of talk.clients) client.vanish();
      if (which === 'wsbroker') await broker.stop();
    }
  } finally {
    await backend.stop();
  }
}

async function start(which, { allow, config }, backend, originals) {
  if (which === 'original') return startOriginal({ backend, allow, process: originals });
  // The original believes every X-Forwarded-For, wsbroker that of a trusted proxy.
  return startWsbroker({ backend, allow, config, settings: { ACCESS__TRUSTED_PROXIES: '127.0.0.1' } });
}

class Talk {
  #which;
  #backend;
  #shows;
  #barriers = 0;

  constructor(broker, backend, which, shows) {
    this.broker = broker;
    this.lines = [];
    this.clients = [];
    this.#which = which;
    this.#backend = backend;
    this.#shows = shows;
    backend.onEvent = (event) =>
      event.message?.type === 'client-$barrier' ? [barrierCommand(event.message.n)] : undefined;
  }

  /** A client connects; its `session-connect` is answered with `answer`. */
  async connect(name, { headers = {}, path = '', forwardedFor = FORWARDED_FOR, answer = [], ...options } = {}) {
    const client = await Client.connect(this.broker.url + path, {
      headers: forwardedFor === null ? headers : { 'X-Forwarded-For': forwardedFor, ...headers },
    });
    client.name = name;
    this.clients.push(client);
    const sent = Object.entries(headers).map(([header, value]) => ` ${header}: ${JSON.stringify(value)}`);
    this.#write(`${name} connects${path && ` to /${path}`}${sent.join('')}`);
    const event = await this.#event();
    client.wskey = event.connection.wskey;
    if (options.comparesKey) this.#write(`  wskey ${client.wskey === client.key ? 'is' : 'is not'} the key of the handshake`);
    await this.#answer(client, event, answer, options);
    return client;
  }

  /** A client says text, or an object as JSON; the event is answered with `answer` (a list, or raw text). */
  async say(client, message, { answer = [], ...options } = {}) {
    const text = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    client.say(text);
    this.#write(`${client.name} says ${Buffer.isBuffer(text) ? `${text.length} bytes` : text}`);
    await this.#answer(client, await this.#event(), answer, options);
  }

  /** A client closes its connection; its `session-disconnect` is answered with `answer`. */
  async leave(client, { answer = [], code = 1000, reason = '' } = {}) {
    this.#write(`${client.name} leaves`);
    await client.leave(code, reason);
    await this.#consequences(null, answer);
  }

  /** A command POST as existing backends send it: `data=` and the list. */
  async post(commands, options = {}) {
    this.#write(`POST ${JSON.stringify(commands)}`);
    await this.#post(commands, options);
  }

  /** Any other request. */
  async request({ method = 'POST', note = '', ...options }) {
    this.#write(`${method}${note && ` ${note}`}${options.body === undefined ? '' : ` ${options.body}`}`);
    await this.#post(undefined, { method, ...options });
  }

  async #post(commands, { showType = false, onDisconnect, ...options }) {
    const { status, type, body } = await this.broker.post(commands, options);
    this.#write(`  result ${status}${showType ? ` ${type}` : ''} ${this.#result(status, body)}`);
    await this.#consequences(null, onDisconnect);
  }

  #result(status, body) {
    if (body === '') return '(empty)';
    if (status === 200) return body.startsWith('[') ? this.#json(JSON.parse(body)) : body;
    return body === 'access denied' ? body : '(a reason)';
  }

  async #event() {
    return this.#backend.next('the event', (event) => event.message?.type !== 'session-disconnect');
  }

  async #answer(client, event, answer = [], { status = 200, headers, onDisconnect, showRequest, again } = {}) {
    this.#writeEvent(event, showRequest);
    await event.answer(answer, { status, headers });
    if (answer.length !== 0) this.#write(`  answer ${status === 200 ? '' : `${status} `}${shown(answer)}`);
    if (again && this.#which === 'wsbroker') return this.#answer(client, await this.#event(), again);
    await this.#consequences(client, onDisconnect);
  }

  /** Waits for everything that follows from the last answer or POST and writes it down. */
  async #consequences(originator, onDisconnect = []) {
    await this.#barrier(originator);
    this.#writeFrames();
    for (;;) {
      const closed = this.clients.filter((client) => !client.open && !client.told);
      if (closed.length === 0) return;
      await this.#tellClosed(closed, onDisconnect);
      this.#writeFrames();
    }
  }

  /** Answers the `session-disconnect` of each of these clients, in the order in which they came. */
  async #tellClosed(closed, answer) {
    const events = [];
    for (const client of closed) {
      client.told = true;
      this.#write(`  ${client.name} is closed ${client.close.code}`);
      events.push(await this.#backend.nextOf('session-disconnect'));
    }
    const place = new Map(closed.map((client, index) => [client.wskey, index]));
    events.sort((a, b) => place.get(a.connection.wskey) - place.get(b.connection.wskey));
    for (const event of events) {
      this.#writeEvent(event);
      if (answer.length !== 0) this.#write(`  answer ${shown(answer)}`);
      if (typeof answer === 'string') {
        await event.answer(answer);
        await this.#barrier();
      } else {
        this.#barriers += 1;
        const barrier = this.#barriers;
        await event.answer([...answer, barrierCommand(barrier)]);
        await this.#allHear(barrier);
      }
    }
  }

  /** Sends a barrier through `originator`, or, when that is gone, through any client that is there. */
  async #barrier(originator) {
    for (;;) {
      const through = originator?.open ? originator : this.clients.find((client) => client.open);
      if (!through) return;
      this.#barriers += 1;
      const barrier = this.#barriers;
      through.say({ type: '$barrier', n: barrier });
      // A client that is closed meanwhile takes the barrier with it.
      if (await this.#hears(through, barrier)) return this.#allHear(barrier);
    }
  }

  async #allHear(barrier) {
    for (const client of this.clients) await this.#hears(client, barrier);
  }

  /** Keeps the client's frames up to the barrier; false when its connection ends first. */
  async #hears(client, barrier) {
    const ended = client.gone.then(() => false);
    while ((client.past ?? 0) < barrier) {
      if (client.frames.waiting.length === 0 && !client.open) return false;
      const frame = await Promise.race([client.frames.next(`barrier ${barrier} at ${client.name}`), ended]).catch(
        (error) => {
          if (client.open) throw error;
          return false;
        },
      );
      if (frame !== false) this.#keep(client, frame);
    }
    return true;
  }

  #keep(client, frame) {
    const barrier = /^\{"\$barrier":(\d+)\}$/.exec(frame);
    if (barrier) {
      client.past = Number(barrier[1]);
    } else {
      (client.pending ??= []).push(frame);
    }
  }

  #writeFrames() {
    for (const client of this.clients) {
      for (const frame of client.pending ?? []) {
        this.#write(`  ${client.name} hears ${this.#frame(frame)}`);
      }
      client.pending = [];
    }
  }

  #frame(frame) {
    if (frame === '') return '(an empty frame)';
    try {
      return this.#json(JSON.parse(frame)) + this.#digits(frame);
    } catch {
      return `(not JSON) ${frame}`;
    }
  }

  #writeEvent(event, showRequest = false) {
    if (showRequest) this.#write(`  ${event.method} ${event.url}`);
    const message = this.#json(event.message) + this.#digits(event.raw.message);
    this.#write(`  event ${message} of ${this.#json(event.connection, { keepOrder: true })}`);
  }

  /** Numbers as they were written, which JSON.parse does not keep. */
  #digits(text) {
    return this.#shows.digits ? ` with the digits ${(text.match(/-?\d[\d.eE+-]*/g) ?? []).join(' ')}` : '';
  }

  #json(value, options) {
    return settledJson(value, (object) => settled(object, this.#shows), options);
  }

  #write(line) {
    const named = this.clients.reduce((text, { name, wskey }) => {
      // Keys are random: the client's name stands for them.
      return wskey ? text.replaceAll(JSON.stringify(wskey), `"<${name}>"`) : text;
    }, line);
    const plain = named.replaceAll('\r\n', '\n');
    this.lines.push(plain.replace(/(.)\1{99,}/gu, (run, character) => `${character}(x${[...run].length})`));
  }
}

function shown(answer) {
  return typeof answer === 'string' ? answer : JSON.stringify(answer);
}

function barrierCommand(n) {
  return { type: 'send', match: {}, message: { $barrier: n } };
}
