// Behind real proxies: nginx and HAProxy, configured as docs/operations.md says.
//
// The proxies are at 127.0.0.1, the one address that is trusted; clients come from another one of the loopback interface.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  ask, Client, documented, runWsbroker, scene, startHaproxy, startNginx, within,
} from './harness.mjs';

const CLIENT = '127.0.0.7';
const TOKEN = 'a-token-of-the-tests';
const ORIGIN = 'https://chat.example.org';

const [accessForHeaders] = documented('Behind nginx', 'toml');
const [listenForHeader] = documented('Behind HAProxy', 'toml');
const [nginxPlain, forwardedLines, forwardedMap] = documented('Behind nginx', 'nginx');
const [haproxyHttp, haproxyTcp] = documented('Behind HAProxy', 'haproxy');

/** nginx that writes `Forwarded`, put together as the text beside the pieces says. */
const nginxForwarded = forwardedMap + nginxPlain.replace(
  /^ *proxy_set_header X-Forwarded-For .*\n *proxy_set_header Forwarded .*\n/m,
  forwardedLines,
);

const PROXIES = [
  { name: 'nginx by X-Forwarded-For', start: startNginx, config: nginxPlain, broker: accessForHeaders, byHeaders: true },
  { name: 'nginx by Forwarded', start: startNginx, config: nginxForwarded, broker: accessForHeaders, byHeaders: true },
  { name: 'HAProxy by X-Forwarded-For', start: startHaproxy, config: haproxyHttp, broker: accessForHeaders, byHeaders: true },
  { name: 'HAProxy by PROXY protocol 2', start: startHaproxy, config: haproxyTcp, broker: listenForHeader },
  {
    name: 'HAProxy by PROXY protocol 1', start: startHaproxy, broker: listenForHeader,
    config: haproxyTcp.replace('send-proxy-v2', 'send-proxy'),
  },
];

for (const kind of PROXIES) {
  test(`${kind.name}: the client's address reaches the application, and messages go both ways`, async (t) => {
    const { backend, proxy } = await behind(t, kind);
    const client = await connectTo(proxy);
    const event = await backend.nextOf('session-connect');
    assert.equal(event.connection.ip, CLIENT);
    await event.answer([{ type: 'send', message: 'x'.repeat(100_000) }]);
    assert.equal((await client.hear()).length, 100_000);
    client.say({ type: 'x', text: 'y'.repeat(100_000) });
    const said = await backend.nextOf('client-x');
    assert.equal(said.message.text.length, 100_000);
    await said.answer([]);
    assert.equal((await client.leave(3001, 'done')).code, 3001);
    assert.equal((await backend.nextOf('session-disconnect')).message.code, 3001);
  });

  test(`${kind.name}: a client that writes forwarding headers of its own is seen as who it is`, async (t) => {
    const { backend, proxy } = await behind(t, kind);
    for (const headers of [
      { 'X-Forwarded-For': '6.6.6.6' },
      { Forwarded: 'for=6.6.6.6' },
      { 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6' },
      { X_Forwarded_For: '6.6.6.6', 'X-Real-IP': '6.6.6.6' },
      { Forwarded: 'for="6.6.6.6' },
    ]) {
      const client = await connectTo(proxy, headers);
      const event = await backend.nextOf('session-connect');
      assert.equal(event.connection.ip, CLIENT, JSON.stringify(headers));
      await event.answer([]);
      client.vanish();
    }
  });

  test(`${kind.name}: a PROXY line that a client sends names nobody`, async (t) => {
    const { proxy, backend } = await behind(t, kind);
    const heard = await say(proxy.port, `PROXY TCP4 6.6.6.6 127.0.0.1 1 1\r\n${UPGRADE}`);
    assert.match(heard, /^HTTP\/1\.[01] 400 /);
    assert.deepEqual(backend.events.waiting, []);
  });

  test(`${kind.name}: a command needs a token`, async (t) => {
    const { proxy } = await behind(t, kind);
    const post = async (headers) => {
      const body = 'data=[{"type":"count"}]';
      return ask(proxy.http, {
        method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
    };
    assert.equal((await post({})).status, 403);
    const answer = await post({ authorization: `Bearer ${TOKEN}` });
    assert.deepEqual([answer.status, answer.body], [200, '[0]']);
  });

  test(`${kind.name}: pages of other sites are kept out`, async (t) => {
    const { proxy, backend } = await behind(t, kind);
    await assert.rejects(connectTo(proxy, { Origin: 'https://chat.example.org.evil' }), { status: 403 });
    await connectTo(proxy, { Origin: ORIGIN });
    await (await backend.nextOf('session-connect')).answer([]);
  });

  test(`${kind.name}: each client has its own limit of connections`, async (t) => {
    const { proxy, backend } = await behind(t, kind, { LIMITS__MAX_CONNECTIONS_PER_IP: 1 });
    backend.onEvent = () => [];
    await connectTo(proxy);
    await assert.rejects(connectTo(proxy), { status: 503 });
    await Client.connect(proxy.url, { localAddress: '127.0.0.8' });
  });
}

test('a proxy that lets a forged header through has the request refused, not believed', async (t) => {
  const careless = { ...PROXIES[0], config: nginxPlain.replace(/^ *proxy_set_header Forwarded .*\n/m, '') };
  const { proxy, backend } = await behind(t, careless);
  await assert.rejects(connectTo(proxy, { Forwarded: 'for=6.6.6.6' }), { status: 400 });
  await connectTo(proxy);
  assert.equal((await backend.nextOf('session-connect')).connection.ip, CLIENT);
});

test('whoever is no trusted proxy is refused, with or without a PROXY header', async (t) => {
  const { broker } = await scene(t, { config: listenForHeader });
  for (const header of ['PROXY TCP4 6.6.6.6 127.0.0.1 1 1\r\n', '']) {
    assert.equal(await say(broker.port, header + UPGRADE), '');
  }
  const warning = await broker.child.stderr.next('a warning', (line) => line.includes('no trusted proxy'));
  assert.match(JSON.parse(warning).msg, /trusted_proxies = \["127\.0\.0\.7"\]/);
});

test('forwarding headers of a client that no proxy stands before change nothing', async (t) => {
  const { broker, backend } = await scene(t, { config: accessForHeaders });
  await connectTo(broker, { 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.7' });
  assert.equal((await backend.nextOf('session-connect')).connection.ip, CLIENT);
});

test('the first page that comes through a proxy while any may is warned of, with the line to add', async (t) => {
  const open = accessForHeaders.replace(/^origins.*\n/m, '');
  const { broker, proxy, backend } = await behind(t, { ...PROXIES[0], broker: open });
  backend.onEvent = () => [];
  for (const host of ['a.example', 'b.example']) await connectTo(proxy, { Origin: `https://${host}` });
  const told = (line) => line.includes('origins = ');
  const warning = await broker.child.stderr.next('a warning', told);
  assert.match(JSON.parse(warning).msg, /origins = \["https:\/\/a\.example"\]/);
  await broker.stop('SIGTERM');
  assert.deepEqual(broker.child.stderr.waiting.filter(told), []);
});

test('proxy_protocol without a trusted proxy ends with 78 and says the line to add', async () => {
  for (const command of ['check', 'serve']) {
    const child = runWsbroker([command], { config: '[listen]\nproxy_protocol = true\n' });
    assert.equal((await child.exit()).code, 78);
    assert.match(child.log, /wsbroker\.toml:2:18: .*\n\n +\[access\]\n +trusted_proxies = \["127\.0\.0\.1"\]/);
  }
});

const UPGRADE = [
  'GET / HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', '', '',
].join('\r\n');

/** An application, a broker, and a proxy of this kind in front of it. */
async function behind(t, { start, config, broker: brokerConfig }, settings = {}) {
  const { backend, broker } = await scene(t, {
    config: brokerConfig,
    settings: { ACCESS__TOKENS: TOKEN, ...settings },
  });
  return { backend, broker, proxy: await start(t, config, broker) };
}

/** A client at an address of its own. */
function connectTo({ url }, headers = {}) {
  return Client.connect(url, { headers, localAddress: CLIENT });
}

/** Everything that is answered to these bytes, until the end of the connection. */
async function say(port, bytes) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: CLIENT });
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk));
  // Refused with bytes unread, a connection may end in a reset.
  socket.on('error', () => {});
  socket.write(bytes);
  await within(new Promise((resolve) => socket.once('close', resolve)), 'the end of the connection');
  return heard;
}
