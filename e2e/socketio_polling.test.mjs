// The dialect of Socket.IO by long polling, and the WebSockets that take over.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { Inbox, ask, scene, until } from './harness.mjs';
import { ENDPOINT, connected, once } from './harness/socketio.mjs';

describe('long polling', () => {
  const begun = async (t, settings) => {
    const around = await scene(t, { args: [...ENDPOINT, '--shards', '2'], settings });
    const url = (query) => `${around.broker.http}socket.io/?${query}`;
    return { ...around, url, get: (query) => ask(url(query)), post: (query, body) => ask(url(query), { method: 'POST', body }) };
  };
  const handshake = async ({ get }) => JSON.parse((await get('EIO=4&transport=polling')).body.slice(1)).sid;
  const named = (sid) => `EIO=4&transport=polling&sid=${sid}`;
  /** A session that is in `/`. */
  const entered = async (around) => {
    const sid = await handshake(around);
    assert.equal((await around.post(named(sid), '40')).body, 'ok');
    assert.match((await around.get(named(sid))).body, /^40\{"sid":"/);
    return sid;
  };

  test('is upgraded to a WebSocket, and what is said meanwhile arrives once and in order', async (t) => {
    const { backend, broker } = await begun(t);
    backend.onEvent = (event) => (event.message.type === 'client-count'
      ? [{ type: 'send', message: { type: 'counted', args: event.message.args } }] : []);
    for (let round = 0; round < 10; round += 1) {
      const socket = await connected(t, broker);
      const upgraded = socket.io.engine.transport.name === 'websocket' || once(socket.io.engine, 'upgrade');
      let number = 0;
      while (socket.io.engine.transport.name === 'polling') {
        // On a busy machine the upgrade takes its time, and all of this has still to be heard by its deadline.
        if (number < 2000) {
          socket.emit('count', number);
          number += 1;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await upgraded;
      for (const end = number + 10; number < end; number += 1) socket.emit('count', number);
      for (let next = 0; next < number; next += 1) {
        assert.deepEqual(await socket.inbox.next(), { name: 'counted', args: [next] });
      }
      assert.equal(socket.io.engine.transport.name, 'websocket');
      socket.disconnect();
    }
  });

  test('refuses in the words of Engine.IO', async (t) => {
    const around = await begun(t, { LIMITS__MAX_MESSAGE: '64KiB' });
    around.backend.onEvent = () => [];
    const { get, post, url } = around;
    const sid = await entered(around);
    for (const [answer, code, message] of [
      [get('EIO=4&transport=pigeon'), 0, 'Transport unknown'],
      [get('EIO=3&transport=polling'), 5, 'Unsupported protocol version'],
      [get(named('nobody')), 1, 'Session ID unknown'],
      [get(named('A'.repeat(22))), 1, 'Session ID unknown'],
      [get(named(`AD${'A'.repeat(20)}`)), 1, 'Session ID unknown'],
      [post('EIO=4&transport=polling', '40'), 2, 'Bad handshake method'],
      [get(`EIO=4&transport=websocket&sid=${sid}`), 3, 'Bad request'],
    ]) {
      const { status, body, type } = await answer;
      assert.deepEqual([status, JSON.parse(body)], [400, { code, message }]);
      assert.equal(type, 'application/json');
    }
    const long = await post(named(sid), `42["a","${'x'.repeat(70_000)}"]`);
    assert.equal(long.status, 413);
    assert.equal((await post(named(sid), '42["still"]')).body, 'ok', 'the session goes on');
    assert.equal((await ask(url('EIO=4&transport=polling'), { method: 'PUT' })).status, 405);
    const bad = await post(named(sid), 'x');
    assert.equal(bad.status, 400);
    assert.equal((await get(named(sid))).status, 400, 'that has ended it');
  });

  test('two polls or two bodies at once end the session, and a poll that is cut off does', async (t) => {
    const around = await begun(t);
    around.backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
    const { get, url, backend } = around;
    const sid = await entered(around);
    const first = get(named(sid));
    // Which of the two is first is for the network to say: one waits, and the other ends both.
    const answers = await Promise.all([first, get(named(sid))]);
    assert.deepEqual(answers.map(({ status }) => status), [400, 400]);
    await (await backend.nextOf('session-disconnect')).answer();

    const third = await entered(around);
    const half = request(url(named(third)), { agent: false, method: 'POST', headers: { 'content-length': 10 } });
    const answered = once(half, 'response');
    half.write('42[');
    // Until the first has arrived, the second is one by itself.
    await until(async () => (await around.post(named(third), '42["whole"]')).status === 400, 'two bodies at once are refused');
    half.end('"half"]');
    assert.equal((await answered)[0].statusCode, 400);
    await (await backend.nextOf('session-disconnect')).answer();

    const other = await entered(around);
    await until(async () => {
      const cut = request(url(named(other)), { agent: false }).on('error', () => {});
      cut.end();
      await once(cut, 'finish');
      cut.destroy();
      return (await ask(url(named(other)), { method: 'POST', body: '3' })).status === 400;
    }, 'the session whose poll was cut off has ended');
    await (await backend.nextOf('session-disconnect')).answer();
  });

  test('a session that falls silent is found, and nothing is left of it', async (t) => {
    const around = await begun(t, { WEBSOCKET__PING_INTERVAL: '1s', WEBSOCKET__PONG_TIMEOUT: '200ms' });
    around.backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
    const sid = await entered(around);
    const gone = await around.backend.nextOf('session-disconnect');
    await gone.answer();
    assert.equal(gone.message.code, 4102);
    await until(async () => JSON.parse((await around.get(named(sid))).body).code === 1, 'the session is unknown');
  });

  test('counts as a connection', async (t) => {
    const around = await begun(t, { LIMITS__MAX_CONNECTIONS: '3' });
    const begins = async () => (await around.get('EIO=4&transport=polling')).status;
    // The sockets of the requests before count too, until they have gone.
    for (const _ of [1, 2]) await until(async () => (await begins()) === 200, 'a session begins');
    await until(async () => (await begins()) === 503, 'there is no room');
  });

  test('what is not fetched has a limit', async (t) => {
    const around = await begun(t, { LIMITS__MAX_SEND_QUEUE: '64KiB' });
    around.backend.onEvent = (event) => (event.message.type === 'session-disconnect' ? undefined : []);
    await entered(around);
    const message = { type: 'much', args: ['x'.repeat(10_000)] };
    await around.broker.post(Array.from({ length: 20 }, () => ({ type: 'send', message, match: {} })));
    const gone = await around.backend.nextOf('session-disconnect');
    await gone.answer();
    assert.equal(gone.message.code, 4100);
  });

  test('who says much at once says it in bodies that are taken', async (t) => {
    const { backend, broker } = await scene(t, { args: ENDPOINT, settings: { LIMITS__MAX_BODY: '64KiB' } });
    const heard = new Inbox('what the backend hears');
    backend.onEvent = (event) => { heard.push(event.message); return []; };
    const socket = await connected(t, broker, { transports: ['polling'] });
    assert.equal((await heard.next()).type, 'session-connect');
    for (let number = 0; number < 20; number += 1) socket.emit('much', number, 'x'.repeat(10_000));
    for (let number = 0; number < 20; number += 1) {
      const { type, args: [first] } = await heard.next();
      assert.deepEqual([type, first], ['client-much', number]);
    }
    assert.ok(socket.connected);
  });

  test('answers CORS by the origins, with preflight', async (t) => {
    const { broker } = await scene(t, { args: ENDPOINT, settings: { ACCESS__ORIGINS: 'http://good.example' } });
    const url = `${broker.http}socket.io/?EIO=4&transport=polling`;
    const good = { origin: 'http://good.example' };
    const ahead = await ask(url, {
      method: 'OPTIONS',
      headers: { ...good, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-mine' },
    });
    assert.equal(ahead.status, 204);
    assert.equal(ahead.headers['access-control-allow-origin'], 'http://good.example');
    assert.equal(ahead.headers['access-control-allow-credentials'], 'true');
    assert.equal(ahead.headers['access-control-allow-methods'], 'GET, POST');
    assert.equal(ahead.headers['access-control-allow-headers'], 'x-mine');
    const began = await ask(url, { headers: good });
    assert.equal(began.status, 200);
    assert.equal(began.headers['access-control-allow-origin'], 'http://good.example');
    for (const method of ['OPTIONS', 'GET']) {
      const refused = await ask(url, { method, headers: { origin: 'http://evil.example' } });
      assert.equal(refused.status, 403);
      assert.equal(refused.headers['access-control-allow-origin'], undefined);
    }
  });
});
