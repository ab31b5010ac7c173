// What an operator meets: the public listener, the signals, the exit codes, the kinds of sockets.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  ask, backendFor, brokerFor, Client, enter, freePort,
  fromRoot, listensOn, python, RawClient, runWsbroker, scene, startWsbroker, takesHugePages,
} from './harness.mjs';

test('declines huge pages, so that no memory is resident which nobody uses', async (t) => {
  const { broker } = await scene(t);
  assert.equal(takesHugePages(broker.pid), false);
});

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
    const broker = await brokerFor(t, startWsbroker, { allow: [] });
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
    for (const room of ['red', 'red', 'blue']) await enter(broker, backend, { data: { room } });
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
    const other = createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address();
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
    const backend = await backendFor(t);
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
    await (await backend.nextOf('session-disconnect')).answer([]);
    assert.deepEqual(await child.exit(), { code: 0, signal: null });
  });

  test('a Unix socket that a killed broker left behind is taken over', async (t) => {
    const path = join(folderFor(t), 'public.sock');
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
    const backend = await backendFor(t);
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
    const path = join(folderFor(t), 'backend.sock');
    const server = createServer((request, response) => {
      requests.push(request.url);
      request.resume().on('end', () => response.end('[{"type":"send","message":"by a socket"}]'));
    });
    await new Promise((resolve) => server.listen(path, resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const broker = await brokerFor(t, startWsbroker, { backend: `unix:${path}:/hook?x=1` });
    const client = await Client.connect(broker.url);
    assert.equal(await client.hear(), 'by a socket');
    assert.equal(requests[0], '/hook?x=1');
  });
});

/** A folder of its own, which is gone when the test `t` is over. */
function folderFor(t) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
