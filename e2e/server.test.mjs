// What an operator meets: the command line, the listeners, the doors, the signals, the exit codes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  accepting, ask, Backend, Client, freePort, fromRoot, listensOn, python, RawClient, runWsbroker, startWsbroker, until,
} from './harness.mjs';

describe('the public listener', () => {
  test('answers GET with 426 and one line, and other methods with 405', async (t) => {
    const { broker } = await scene(t);
    for (const path of ['', 'some/where?x=1']) {
      const { status, body, headers } = await ask(broker.http + path);
      assert.equal(status, 426);
      assert.match(headers.upgrade ?? '', /websocket/i);
      assert.match(body, /^[^\n]+\n?$/);
    }
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      assert.equal((await ask(broker.http, { method })).status, 405, method);
    }
  });

  test('shows a page to GET in demo mode only', async (t) => {
    const broker = await startWsbroker({ allow: [] });
    t.after(() => broker.stop());
    const page = await ask(broker.http);
    assert.equal(page.status, 200);
    assert.match(page.type, /^text\/html/);
    assert.match(page.body, /<!doctype html>/i);
    assert.equal((await ask(broker.http, { method: 'PUT' })).status, 405);
  });

  test('refuses an upgrade that no endpoint matches, and prefers the most specific one', async (t) => {
    const { broker, backend } = await scene(t, { args: ['--endpoint', '/chat/*=wsbroker', '--endpoint', '/chat/echo=echo'] });
    for (const path of ['', 'other', 'chatter']) {
      await assert.rejects(Client.connect(broker.url + path), { status: 404 }, path);
    }
    const echo = await Client.connect(`${broker.url}chat/echo`);
    echo.say('anything');
    assert.equal(await echo.frames.next(), 'anything');
    echo.say(Buffer.from([1, 2]));
    assert.deepEqual(await echo.frames.next(), Buffer.from([1, 2]));
    await Client.connect(`${broker.url}chat/room?token=1`);
    await (await backend.nextOf('session-connect')).answer([]);
  });

  test('refuses commands that a browser page or a proxy could have sent', async (t) => {
    const { broker, backend } = await scene(t);
    const client = await enter(broker, backend);
    for (const headers of [
      { origin: 'http://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'x-forwarded-for': '127.0.0.1' },
      { forwarded: 'for=127.0.0.1' },
    ]) {
      const { status } = await broker.post([{ type: 'send', message: 'forged' }], { headers });
      assert.ok([401, 403].includes(status), `${JSON.stringify(headers)}: ${status}`);
    }
    assert.equal((await broker.post([{ type: 'send', message: 'true' }])).status, 200);
    assert.equal(await client.hear(), 'true');
  });

  test('answers count with a number, and an object by field', async (t) => {
    const { broker, backend } = await scene(t);
    for (const room of ['red', 'red', 'blue']) await enter(broker, backend, { room });
    const { body } = await broker.post([
      { type: 'count' },
      { type: 'count', match: { room: 'RED' } },
      { type: 'count', by: 'room' },
      { type: 'count', match: { room: 'green' } },
    ]);
    assert.deepEqual(JSON.parse(body), [3, 2, { red: 2, blue: 1 }, 0]);
  });

  test('says where data is no JSON', async (t) => {
    const { broker } = await scene(t);
    const { status, body } = await broker.post(undefined, { body: 'data=[{"type":"list"},]' });
    assert.equal(status, 400);
    assert.match(body, /\d/);
  });
});

describe('the admin listener', () => {
  test('is alive and ready', async (t) => {
    const { broker } = await scene(t);
    assert.equal((await ask(`${broker.admin}/livez`)).status, 200);
    assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
  });

  test('is ready although the backend is away', async (t) => {
    const broker = await startWsbroker({ backend: `http://127.0.0.1:${await freePort()}/` });
    t.after(() => broker.stop());
    await Client.connect(broker.url);
    assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
  });

  test('answers each command with an object', async (t) => {
    const { broker, backend } = await scene(t);
    const clients = [];
    for (const room of ['red', 'red', 'blue']) clients.push(await enter(broker, backend, { room }));
    const results = await command(broker, [
      { type: 'send', message: { hi: 1 }, match: { room: 'red' } },
      { type: 'list', match: { room: 'blue' } },
      { type: 'count' },
      { type: 'count', by: 'room' },
      { type: 'session', data: { seen: true }, match: { room: 'red' } },
      { type: 'list', match: { seen: 'true' } },
      { type: 'send', message: 'nobody', match: { room: 'green' } },
      { type: 'log', text: 'done' },
      { type: 'close', match: { room: 'blue' }, code: 3000 },
    ]);
    assert.deepEqual(results[0], { ok: true, type: 'send', matched: 2, queued: 2, dropped: 0 });
    const { connections, ...list } = results[1];
    assert.deepEqual(list, { ok: true, type: 'list', matched: 1, cursor: null });
    assert.deepEqual(connections.map(({ room, ip }) => [room, ip]), [['blue', '127.0.0.1']]);
    assert.equal(results[2].matched, 3);
    assert.deepEqual(results[3], { ok: true, type: 'count', matched: 3, by: { red: 2, blue: 1 } });
    assert.equal(results[4].matched, 2);
    assert.equal(results[5].connections.length, 2);
    assert.deepEqual(results[6], { ok: true, type: 'send', matched: 0, queued: 0, dropped: 0 });
    for (const [index, type] of ['send', 'list', 'count', 'count', 'session', 'list', 'send', 'log', 'close'].entries()) {
      assert.equal(results[index].ok, true, `${type} ${JSON.stringify(results[index])}`);
      assert.equal(results[index].type, type);
    }
    assert.deepEqual(await clients[0].hear(), { hi: 1 });
    assert.equal((await clients[2].closed()).code, 3000);
  });

  test('marks what is wrong in its place and runs the rest', async (t) => {
    const { broker, backend } = await scene(t);
    const client = await enter(broker, backend);
    const results = await command(broker, [
      { type: 'sned', message: 1 },
      { type: 'send', message: 1, mach: {} },
      { type: 'send' },
      { type: 'close', code: 1005 },
      { type: 'close', code: 3000, reason: 'x'.repeat(124) },
      { type: 'list', match: { age: { $gt: 1, $near: 2 } } },
      { type: 'list', match: 'room' },
      { type: 'session', data: 'x' },
      42,
      { type: 'send', message: 'right' },
    ]);
    assert.equal(results.length, 10);
    for (const result of results.slice(0, 9)) {
      assert.equal(result.ok, false);
      assert.ok(result.error.length > 0);
    }
    assert.deepEqual({ ...results[0], error: '' }, { ok: false, type: 'sned', error: '', hint: 'did you mean send?' });
    assert.match(results[1].error + (results[1].hint ?? ''), /mach/);
    assert.match(results[5].error, /\$near/);
    assert.equal(results[9].ok, true);
    assert.equal(await client.hear(), 'right');
  });

  test('takes one command object as well, and the except of others', async (t) => {
    const { broker, backend } = await scene(t);
    const red = await enter(broker, backend, { room: 'red' });
    const blue = await enter(broker, backend, { room: 'blue' });
    const { status, body } = await post(broker, '{"type":"send","message":1,"except":{"room":"red"}}');
    assert.equal(status, 200);
    const result = [JSON.parse(body)].flat();
    assert.deepEqual(result, [{ ok: true, type: 'send', matched: 1, queued: 1, dropped: 0 }]);
    assert.equal(await blue.hear(), 1);
    await red.ping();
    assert.deepEqual(red.frames.waiting, []);
  });

  test('pages a list', async (t) => {
    const { broker, backend } = await scene(t);
    for (let n = 0; n < 5; n += 1) await enter(broker, backend, { n });
    const seen = [];
    let cursor;
    do {
      const [page] = await command(broker, [{ type: 'list', limit: 2, fields: ['n'], ...(cursor && { cursor }) }]);
      assert.ok(page.connections.length <= 2);
      assert.equal(page.matched, 5);
      seen.push(...page.connections.map(({ n }) => n));
      cursor = page.cursor;
    } while (cursor !== null);
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  });

  test('refuses an envelope that it can not read, with a problem document', async (t) => {
    const { broker } = await scene(t);
    for (const body of ['', '[{"type":"list"}', '"text"', '42', '\ufeff[]', '[] trailing', '['.repeat(10_000)]) {
      const { status, type } = await post(broker, body);
      assert.equal(status, 400, body.slice(0, 40));
      assert.match(type, /^application\/problem\+json/);
    }
    const big = await post(broker, `[{"type":"send","message":"${'x'.repeat(2 << 20)}"}]`).catch((error) => error);
    assert.ok(big.status === 413 || big.code === 'ECONNRESET' || big.code === 'EPIPE', String(big.status ?? big));
    const many = await post(broker, JSON.stringify(Array(10_001).fill({ type: 'count' })));
    assert.equal(many.status, 413);
  });

  test('asks for its token', async (t) => {
    const { broker } = await scene(t, { settings: { ACCESS__TOKENS: 'secret-token,other' } });
    const list = '[{"type":"list"}]';
    assert.equal((await post(broker, list)).status, 401);
    assert.equal((await post(broker, list, { authorization: 'Bearer secret-tokeN' })).status, 401);
    assert.equal((await post(broker, list, { authorization: 'Bearer secret-token' })).status, 200);
    assert.equal((await ask(`${broker.admin}/livez`)).status, 200);
    assert.equal((await ask(`${broker.admin}/readyz`)).status, 200);
  });
});

describe('signals', () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`${signal} closes every client with 1012 and ends with 0`, async (t) => {
      const { broker, backend } = await scene(t);
      backend.onEvent = () => [];
      const clients = [];
      for (let n = 0; n < 50; n += 1) clients.push(await Client.connect(broker.url));
      broker.child.kill(signal);
      for (const client of clients) assert.equal((await client.closed()).code, 1012);
      assert.deepEqual(await broker.child.exit(), { code: 0, signal: null });
    });
  }

  test('while draining it is alive, not ready, and takes nobody; a second signal ends it at once', async (t) => {
    // Without the second signal this client, which never answers the close, would hold it for an hour.
    const { broker, backend } = await scene(t, {
      settings: { DRAIN__TIMEOUT: '1h', LIMITS__CLOSE_TIMEOUT: '1h' },
    });
    backend.onEvent = () => [];
    const raw = await RawClient.connect(broker.url);
    t.after(() => raw.vanish());
    broker.child.kill('SIGTERM');
    assert.equal((await raw.closeFrame()).code, 1012);
    assert.equal((await ask(`${broker.admin}/livez`)).status, 200);
    assert.equal((await ask(`${broker.admin}/readyz`)).status, 503);
    await assert.rejects(Client.connect(broker.url));
    assert.ok(broker.child.alive);
    broker.child.kill('SIGTERM');
    assert.equal((await broker.child.exit()).signal, null, 'it ends by itself');
  });
});

describe('exit codes', () => {
  test('75 when the port is in use, which is named', async (t) => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    t.after(() => new Promise((resolve) => other.close(resolve)));
    await accepting(port);
    for (const args of [
      ['--listen', `127.0.0.1:${port}`, '--admin', 'off'],
      ['--listen', '127.0.0.1:0', '--admin', `127.0.0.1:${port}`],
    ]) {
      const child = runWsbroker(args);
      assert.equal((await child.exit()).code, 75, child.log);
      assert.match(child.log, new RegExp(`127\\.0\\.0\\.1:${port}`));
    }
  });

  test('78 for a wrong key, with its file, line, column and the nearest name', async () => {
    const config = '[listen]\npublic = "127.0.0.1:0"\n\n[limits]\nmax_mesage = "1MiB"\n';
    for (const command of ['serve', 'check']) {
      const child = runWsbroker([command], { config });
      assert.equal((await child.exit()).code, 78, child.log);
      assert.match(child.log, /wsbroker\.toml:5:1/);
      assert.match(child.log, /max_message/);
    }
  });

  test('78 for a wrong value, a wrong variable and a missing file', async () => {
    for (const [args, options] of [
      [['check'], { config: '[limits]\nmax_message = "1 potato"\n' }],
      [['check'], { settings: { LIMITS__MAX_MESAGE: '1MiB' } }],
      [['check', '-c', 'missing.toml'], {}],
    ]) {
      const child = runWsbroker(args, options);
      assert.equal((await child.exit()).code, 78, child.log);
    }
  });

  test('0 for a configuration that is right, also when the backend is down', async () => {
    const child = runWsbroker(['check'], { config: `[backend]\nurl = "http://127.0.0.1:${await freePort()}/"\n` });
    assert.equal((await child.exit()).code, 0, child.log);
  });

  test('2 for a wrong command line', async () => {
    const child = runWsbroker(['serve', '--no-such-flag']);
    assert.equal((await child.exit()).code, 2);
  });

  test('version goes to stdout', async () => {
    const child = runWsbroker(['version']);
    assert.match(await child.stdout.next(), /\d+\.\d+\.\d+/);
    assert.equal((await child.exit()).code, 0);
  });

  test('a listener beyond loopback is refused with the lines to add', async () => {
    const open = runWsbroker(['--listen', '0.0.0.0:0', '--admin', 'off']);
    assert.equal((await open.exit()).code, 78, open.log);
    assert.match(open.log, /origins/);
    const admin = runWsbroker(['--listen', '127.0.0.1:0', '--admin', '0.0.0.0:0']);
    assert.equal((await admin.exit()).code, 78, admin.log);
    assert.match(admin.log, /token/);
  });
});

describe('listeners', () => {
  test('Unix sockets serve both doors, and their peers are allowed and trusted', async (t) => {
    const backend = await Backend.start();
    t.after(() => backend.stop());
    const child = runWsbroker(['--listen', 'unix:public.sock', '--admin', 'unix:admin.sock', '--backend', backend.url]);
    t.after(() => child.stop());
    await listensOn(child);
    const [open, admin] = ['public.sock', 'admin.sock'].map((name) => join(child.cwd, name));

    const client = await Client.connect(`ws+unix:${open}:/`, { headers: { 'X-Forwarded-For': '198.51.100.7' } });
    const connect = await backend.nextOf('session-connect');
    assert.equal(connect.connection.ip, '198.51.100.7');
    await connect.answer([]);
    const posted = await ask('http://localhost/', {
      socketPath: open, method: 'POST', body: 'data=[{"type":"send","message":"hi"}]',
    });
    assert.deepEqual([posted.status, posted.body], [200, '[null]']);
    assert.equal(await client.hear(), 'hi');
    assert.equal((await ask('http://localhost/readyz', { socketPath: admin })).status, 200);

    child.kill('SIGTERM');
    assert.equal((await client.closed()).code, 1012);
    assert.deepEqual(await child.exit(), { code: 0, signal: null });
  });

  test('a Unix socket that a killed broker left behind is taken over', async (t) => {
    const path = join(tmpdir(), `wsbroker-e2e-${process.pid}.sock`);
    const args = ['--listen', `unix:${path}`, '--admin', 'off'];
    const first = runWsbroker(args);
    t.after(() => first.stop());
    await listensOn(first);
    await first.stop('SIGKILL');
    const second = runWsbroker(args);
    t.after(() => second.stop());
    await listensOn(second);
    const third = runWsbroker(args);
    assert.equal((await third.exit()).code, 75, 'but not one that is in use');
    await Client.connect(`ws+unix:${path}:/`);
    await second.stop('SIGTERM');
  });

  test('sockets passed by systemd are used', async (t) => {
    const backend = await Backend.start();
    t.after(() => backend.stop());
    const launcher = [python(), fromRoot('e2e/peers/socket_activation.py'), 'public', 'admin', '--'];
    const child = runWsbroker(['--backend', backend.url], { launcher });
    t.after(() => child.stop());
    const ports = JSON.parse(await child.stdout.next('the ports'));
    const listening = await listensOn(child);
    assert.equal(listening.public, `127.0.0.1:${ports.public}`);
    assert.equal(listening.admin, `127.0.0.1:${ports.admin}`);
    await Client.connect(`ws://127.0.0.1:${ports.public}/`);
    await (await backend.nextOf('session-connect')).answer([]);
    assert.equal((await ask(`http://127.0.0.1:${ports.admin}/livez`)).status, 200);
  });

  test('a backend on a Unix socket is reached', async (t) => {
    const requests = [];
    const path = join(tmpdir(), `wsbroker-e2e-backend-${process.pid}.sock`);
    const server = createServer((request, response) => {
      requests.push(request.url);
      request.resume().on('end', () => response.end('[{"type":"send","message":"by a socket"}]'));
    });
    await new Promise((resolve) => server.listen(path, resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const broker = await startWsbroker({ backend: `unix:${path}:/hook?x=1` });
    t.after(() => broker.stop());
    const client = await Client.connect(broker.url);
    assert.equal(await client.hear(), 'by a socket');
    assert.equal(requests[0], '/hook?x=1');
  });
});

describe('events to the backend', () => {
  for (const format of ['multipart', 'form', 'json']) {
    test(`in the format ${format} carry the headers of the contract`, async (t) => {
      const { broker, backend } = await scene(t, { args: ['--backend-format', format] });
      backend.onEvent = (event) => (event.message.type === 'broker-start' ? [] : undefined);
      const client = await Client.connect(`${broker.url}some/where?token=1`);
      const connect = await backend.nextOf('session-connect');
      const { wskey } = connect.connection;
      const headers = (event) => Object.fromEntries(
        ['wsbroker-event', 'wsbroker-connection', 'wsbroker-attempt', 'wsbroker-path'].map((name) => [name, event.headers[name]]),
      );
      assert.deepEqual(headers(connect), {
        'wsbroker-event': 'session-connect', 'wsbroker-connection': wskey, 'wsbroker-attempt': '1',
        'wsbroker-path': '/some/where?token=1',
      });
      assert.match(wskey, /^[A-Za-z0-9_-]{22}$/);
      assert.match(connect.headers['webhook-id'], /^[A-Za-z0-9_-]+$/);
      assert.match(connect.headers['webhook-timestamp'], /^\d+$/);
      await connect.answer([]);

      client.say({ type: 'x', text: 'Zürich & 50% + "more"' });
      const first = await backend.nextOf('client-x');
      assert.deepEqual(first.message, { type: 'client-x', text: 'Zürich & 50% + "more"' });
      assert.equal(first.headers['wsbroker-event'], 'client');
      assert.notEqual(first.headers['webhook-id'], connect.headers['webhook-id']);
      first.reset();
      const again = await backend.nextOf('client-x');
      assert.equal(again.headers['webhook-id'], first.headers['webhook-id'], 'a retry has the id of the event');
      assert.ok(Number(again.headers['wsbroker-attempt']) >= 1);
      await again.answer([{ type: 'send', message: 'ok' }]);
      assert.equal(await client.hear(), 'ok');
    });
  }

  test('503, 429 and 500 are tried again with the same id and a growing attempt', async (t) => {
    const { broker, backend } = await scene(t);
    const client = await enter(broker, backend);
    client.say({ type: 'x' });
    const ids = new Set();
    for (const [index, status] of [503, 429, 500, 200].entries()) {
      const event = await backend.nextOf('client-x');
      ids.add(event.headers['webhook-id']);
      assert.equal(event.headers['wsbroker-attempt'], String(index + 1));
      await event.answer([{ type: 'send', message: status }], { status });
    }
    assert.equal(ids.size, 1);
    assert.equal(await client.hear(), 200, 'only the answer of the 200 is executed');
  });

  test('the user and password of the URL are sent and not logged', async (t) => {
    const backend = await Backend.start();
    t.after(() => backend.stop());
    const broker = await startWsbroker({ backend: backend.url.replace('//', '//user:pa%20ss@'), args: ['-vv'] });
    t.after(() => broker.stop());
    const client = await Client.connect(broker.url, { headers: { Cookie: 'sid=very-secret' } });
    const event = await backend.nextOf('session-connect');
    assert.equal(event.headers.authorization, `Basic ${Buffer.from('user:pa ss').toString('base64')}`);
    await event.answer([{ type: 'send', message: 1 }]);
    await client.hear();
    await until(() => broker.child.log.includes('session-connect') || broker.child.log.length > 0, 'a log');
    assert.doesNotMatch(broker.child.log, /pa%20ss|pa ss/);
    assert.doesNotMatch(broker.child.log, /very-secret/);
  });
});

async function scene(t, options) {
  const backend = await Backend.start();
  t.after(() => backend.stop());
  const broker = await startWsbroker({ backend: backend.url, ...options });
  t.after(() => broker.stop());
  return { backend, broker };
}

/** A client whose session holds `data`. */
async function enter(broker, backend, data) {
  const client = await Client.connect(broker.url);
  // The message tells that the answer is in effect.
  const ready = { type: 'send', message: 'ready' };
  await (await backend.nextOf('session-connect')).answer(data ? [{ type: 'session', data }, ready] : [ready]);
  assert.equal(await client.hear(), 'ready');
  return client;
}

function post(broker, body, headers = {}) {
  return ask(`${broker.admin}/api/v1/commands`, {
    method: 'POST', body, headers: { 'content-type': 'application/json', ...headers },
  });
}

async function command(broker, commands) {
  const { status, type, body } = await post(broker, JSON.stringify(commands));
  assert.equal(status, 200, body);
  assert.match(type, /^application\/json/);
  return JSON.parse(body);
}
