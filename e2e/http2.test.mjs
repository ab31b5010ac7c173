// HTTP/2: Node's client on nghttp2, curl, and Chromium, which takes its WebSockets there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { brokerFor, certificateFor, Inbox, scene, startWsbroker, within } from './harness.mjs';
import { launchChromium } from './harness/browser.mjs';

let browser;
before(async () => { browser = await launchChromium(); });
after(() => browser?.close());

const ECHO = ['--endpoint', '*=echo'];

test('Node talks on several streams of one connection, in cleartext and over TLS', async (t) => {
  const certificate = certificateFor(t);
  for (const secure of [false, true]) {
    const config = secure ? certificate.config : undefined;
    const broker = await brokerFor(t, startWsbroker, { args: ECHO, config });
    const ca = readFileSync(certificate.cert);
    const session = await sessionFor(t, `${secure ? 'https' : 'http'}://127.0.0.1:${broker.port}`, { ca });
    const sockets = [await open(session), await open(session), await open(session)];
    for (const text of ['hello', 'x'.repeat(60_000)]) {
      for (const socket of sockets) socket.say(text);
      for (const socket of sockets) assert.equal((await socket.frames.next()).toString(), text);
    }
    sockets[0].stream.close();
    sockets[1].say('still here');
    assert.equal((await sockets[1].frames.next()).toString(), 'still here');
  }
});

test('what is asked for over HTTP/2 is answered as over HTTP/1.1', async (t) => {
  const { broker, backend } = await scene(t, { allow: ['127.0.0.1'] });
  const session = await sessionFor(t, `http://127.0.0.1:${broker.port}`);
  const client = await open(session, { cookie: 'user=ann' });
  const event = await backend.nextOf('session-connect');
  assert.equal(event.connection.user, 'ann');
  await event.answer([{ type: 'send', message: 'welcome' }]);
  assert.equal((await client.frames.next()).toString(), '"welcome"');

  const url = `http://127.0.0.1:${broker.port}/`;
  const curl = (...args) => execFileSync('curl', ['-s', '--http2-prior-knowledge', '-m', '20', ...args]).toString();
  const data = 'data=[{"type":"send","message":"from curl"},{"type":"list"}]';
  assert.match(curl('-d', data, url), /^\[null,\[\{.*"user":"ann"/);
  assert.equal((await client.frames.next()).toString(), '"from curl"');
  assert.equal(curl('-o', '/dev/null', '-w', '%{http_version} %{http_code}', url), '2 426');
  assert.equal(curl('-o', '/dev/null', '-w', '%{http_code}', '-X', 'PUT', url), '405');
});

test('a CONNECT to anything but a WebSocket is refused, and the connection goes on', async (t) => {
  const broker = await brokerFor(t, startWsbroker, { args: ECHO });
  const session = await sessionFor(t, `http://127.0.0.1:${broker.port}`);
  const status = async (headers) => (await answer(session.request({ ':path': '/', ...headers })))[':status'];
  const authority = `127.0.0.1:${broker.port}`;
  assert.equal(await status({ ':method': 'CONNECT', ':protocol': 'connect-udp', ':scheme': 'http' }), 501);
  assert.equal(await status({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http' }), 426);
  const proxy = session.request({ ':method': 'CONNECT', ':authority': authority });
  assert.equal((await answer(proxy))[':status'], 405);
  const socket = await open(session);
  socket.say('hello');
  assert.equal((await socket.frames.next()).toString(), 'hello');
});

test('a drain closes streams with 1012 and says GOAWAY', async (t) => {
  const broker = await brokerFor(t, startWsbroker, { args: ECHO });
  const session = await sessionFor(t, `http://127.0.0.1:${broker.port}`);
  const away = new Promise((resolve) => { session.once('goaway', resolve); });
  const socket = await open(session);
  broker.child.kill('SIGTERM');
  const { opcode, code } = await socket.closed();
  assert.deepEqual([opcode, code], [8, 1012]);
  assert.equal(await within(away, 'GOAWAY'), 0);
  assert.equal((await broker.child.exit()).code, 0);
});

test('Chromium takes its WebSockets over the connection that the page came by', async (t) => {
  const certificate = certificateFor(t);
  const broker = await brokerFor(t, startWsbroker, {
    args: [...ECHO, '-v'],
    config: certificate.config,
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`https://localhost:${broker.port}/`);
  const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  assert.equal(protocol, 'h2');
  const heard = await page.evaluate(async () => {
    const echo = (text) => new Promise((resolve, reject) => {
      const socket = new WebSocket(location.href.replace('https', 'wss'));
      socket.onopen = () => socket.send(text);
      socket.onmessage = ({ data }) => resolve(data.length);
      socket.onerror = () => reject(new Error('no connection'));
    });
    return Promise.all([echo('hello'), echo('x'.repeat(300_000)), echo('')]);
  });
  assert.deepEqual(heard, [5, 300_000, 0]);
  for (const _ of heard) {
    await broker.child.stderr.next('word of a WebSocket over HTTP/2', (line) => line.includes('a WebSocket over HTTP/2'));
  }
});

/** A connection of Node's client, once the broker has said that it carries WebSockets. */
async function sessionFor(t, url, options) {
  const session = connect(url, options);
  t.after(() => session.destroy());
  session.on('error', () => {});
  const settings = new Promise((resolve, reject) => {
    session.once('remoteSettings', resolve);
    session.once('error', reject);
  });
  assert.equal((await within(settings, 'the settings of the broker')).enableConnectProtocol, true);
  return session;
}

/** The headers of an answer. */
async function answer(stream) {
  const head = new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
  });
  const headers = await within(head, 'an answer');
  stream.resume();
  return headers;
}

/** A WebSocket on a stream (RFC 8441): `frames` are payloads as they come, close frames apart. */
async function open(session, headers = {}) {
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/chat', 'sec-websocket-version': '13', ...headers,
  });
  assert.equal((await answer(stream))[':status'], 200);
  const frames = new Inbox('frames on a stream');
  const closes = new Inbox('close frames on a stream');
  let buffer = Buffer.alloc(0);
  stream.on('error', () => {});
  stream.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      if (buffer.length < 2) return;
      const [at, length] = lengthOf(buffer);
      if (buffer.length < at + length) return;
      const payload = buffer.subarray(at, at + length);
      const opcode = buffer[0] & 15;
      if (opcode === 8) closes.push({ opcode, code: payload.readUInt16BE(0) });
      else frames.push(payload);
      buffer = buffer.subarray(at + length);
      if (opcode === 8) stream.end(masked(8, payload));
    }
  });
  return { stream, frames, say: (text) => stream.write(masked(1, Buffer.from(text))), closed: () => closes.next() };
}

/** Where the payload of a frame begins, and how long it is. */
function lengthOf(frame) {
  const short = frame[1] & 127;
  if (short === 126) return [4, frame.length < 4 ? Infinity : frame.readUInt16BE(2)];
  if (short === 127) return [10, frame.length < 10 ? Infinity : Number(frame.readBigUInt64BE(2))];
  return [2, short];
}

function masked(opcode, payload) {
  const mask = randomBytes(4);
  const head = payload.length < 126 ? Buffer.from([128 | opcode, 128 | payload.length]) : Buffer.alloc(4);
  if (payload.length >= 126) {
    head.writeUInt8(128 | opcode, 0);
    head.writeUInt8(128 | 126, 1);
    head.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([head, mask, payload.map((byte, place) => byte ^ mask[place % 4])]);
}
