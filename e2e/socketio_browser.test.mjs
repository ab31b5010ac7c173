// The dialect of Socket.IO in Chromium, and with earlier clients.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { Inbox, fromRoot, scene, within } from './harness.mjs';
import { launchChromium } from './harness/browser.mjs';
import { ENDPOINT, once } from './harness/socketio.mjs';

describe('in Chromium', () => {
  const OLD = readFileSync(fromRoot('e2e/node_modules/socket.io-client-1/socket.io.js'), 'utf8');
  const NEW = readFileSync(fromRoot('e2e/node_modules/socket.io-client/dist/socket.io.min.js'), 'utf8');

  async function pageFor(t) {
    const browser = await launchChromium();
    t.after(() => browser.close());
    return browser.newPage();
  }

  test('a page of another origin connects with default settings', async (t) => {
    const site = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<!doctype html><script>${NEW}</script>`);
    });
    await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
    t.after(() => { site.closeAllConnections(); site.close(); });
    const origin = `http://127.0.0.1:${site.address().port}`;
    const { backend, broker } = await scene(t, { args: ENDPOINT, settings: { ACCESS__ORIGINS: origin } });
    backend.onEvent = ({ message: { type, ack, args } }) => (type === 'client-double'
      ? [{ type: 'answer', ack, message: 2 * args[0] }] : []);
    const page = await pageFor(t);
    await page.goto(origin);
    for (const withCredentials of [false, true]) {
      const [name, doubled] = await within(page.evaluate(async ([url, options]) => {
        const socket = io(url, options);
        const answer = await socket.emitWithAck('double', 21);
        if (socket.io.engine.transport.name !== 'websocket') {
          await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
        }
        return [socket.io.engine.transport.name, answer];
      }, [`http://127.0.0.1:${broker.port}`, { withCredentials, extraHeaders: { 'x-mine': '1' } }]), 'the page is answered');
      assert.deepEqual([name, doubled], ['websocket', 42]);
    }
  });

  test("the tutorial's page runs with client 1.4.8", async (t) => {
    const { backend, broker } = await scene(t, {
      config: '[[endpoint]]\npath = "*"\ndialect = "socketio"\nallow_eio3 = true\n',
    });
    backend.onEvent = ({ message: { type, args } }) => (type === 'client-chat message'
      ? [{ type: 'send', message: { type: 'chat message', args }, match: {} }] : []);
    const pages = [await pageFor(t), await pageFor(t)];
    for (const page of pages) {
      await page.route(broker.http, (route) => route.fulfill({ contentType: 'text/html', body: TUTORIAL }));
      await page.route('**/socket.io-1.4.8.js', (route) => route.fulfill({ contentType: 'text/javascript', body: OLD }));
      await page.goto(broker.http);
      await page.waitForFunction(() => socket.connected);
    }
    await pages[0].fill('#m', 'hällo');
    await pages[0].click('button');
    for (const page of pages) {
      await page.waitForFunction(() => document.querySelector('#messages li')?.textContent === 'hällo');
    }
    await pages[1].waitForFunction(() => socket.io.engine.transport.name === 'websocket');
    await pages[1].fill('#m', 'again');
    await pages[1].click('button');
    for (const page of pages) {
      await page.waitForFunction(() => document.querySelectorAll('#messages li')[1]?.textContent === 'again');
    }
  });
});

/** What the tutorial of 2016 has its reader write, with its few lines of jQuery spelt out. */
const TUTORIAL = `<!doctype html><html><body>
<ul id="messages"></ul>
<form action=""><input id="m" autocomplete="off" /><button>Send</button></form>
<script src="/socket.io-1.4.8.js"></script>
<script>
  var socket = io();
  document.querySelector('form').onsubmit = function () {
    var m = document.getElementById('m');
    socket.emit('chat message', m.value);
    m.value = '';
    return false;
  };
  socket.on('chat message', function (msg) {
    var li = document.createElement('li');
    li.textContent = msg;
    document.getElementById('messages').appendChild(li);
  });
</script></body></html>`;

const WAYS = { 'by WebSocket': ['websocket'], 'by polling': ['polling'], 'by default': undefined };
const EARLIER = { '1.4.8': 'socket.io-client-1', '2.5.0': 'socket.io-client-2', '3.1.3': 'socket.io-client-3' };
for (const [version, name] of Object.entries(EARLIER)) for (const [how, allowed] of Object.entries(WAYS)) {
  // Client 3 speaks Engine.IO 4.
  const admission = version < '3' ? ' where Engine.IO 3 is admitted' : '';
  test(`client ${version} is served ${how}${admission}`, async (t) => {
    const { backend, broker } = await scene(t, {
      args: ['--shards', '2'],
      config: `[[endpoint]]\npath = "/socket.io/*"\ndialect = "socketio"\nallow_eio3 = ${admission !== ''}\n`,
    });
    backend.onEvent = ({ message: { type, ack, args, ...rest } }) => {
      switch (type) {
        case 'client-say': return [{ type: 'send', message: { type: 'said', args } }];
        case 'client-add': return [{ type: 'answer', ack, message: args[0] + args[1] }];
        case 'session-connect': return rest.namespace === '/' ? [] : undefined;
        default: return [];
      }
    };
    const io = createRequire(import.meta.url)(name);
    const socket = io(`http://127.0.0.1:${broker.port}`, { forceNew: true, ...(allowed && { transports: allowed }) });
    t.after(() => socket.disconnect());
    const heard = new Inbox('the old client');
    socket.on('said', (...args) => heard.push(args));
    await once(socket, 'connect');
    // What the oldest makes of other letters by polling in Node is its own affair: it sends them encoded twice.
    const letters = version === '1.4.8' && allowed?.[0] !== 'websocket' ? 'letters' : 'hällo ✓';
    for (const args of [['plain'], [letters, { n: 1 }], [Buffer.from([0, 1, 255]), 'bytes']]) {
      socket.emit('say', ...args);
      assert.deepEqual(await heard.next(), args);
    }
    const sum = await within(new Promise((resolve) => socket.emit('add', 2, 3, resolve)), 'an answer');
    assert.equal(sum, 5);
    const room = io(`http://127.0.0.1:${broker.port}/room`, { query: 'token=x', forceNew: true, ...(allowed && { transports: allowed }) });
    t.after(() => room.disconnect());
    const entered = once(room, 'connect');
    const event = await backend.nextOf('session-connect');
    await event.answer();
    assert.equal(event.message.namespace, '/room');
    await entered;
    room.disconnect();
  });
}
