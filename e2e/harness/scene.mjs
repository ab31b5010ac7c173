// What most tests begin with. Everything is stopped when the test `t` is over.

import assert from 'node:assert/strict';
import { Backend } from './backend.mjs';
import { startWsbroker } from './broker.mjs';
import { Client } from './client.mjs';

/** A backend, on the given port or a free one. */
export async function backendFor(t, port) {
  const backend = await Backend.start({ port });
  t.after(() => backend.stop());
  return backend;
}

/** A broker that `start` starts, one of `startOriginal` and `startWsbroker`. */
export async function brokerFor(t, start, options) {
  const broker = await start(options);
  t.after(() => {
    if (t.error) t.diagnostic(lastWords(broker.child));
    return broker.stop();
  });
  return broker;
}

/** What a broker has to say when its test fails: whether it is there, and its latest complaints. */
function lastWords({ alive, end, log }) {
  const complaints = log.split('\n').filter((line) => line && !line.includes('"level":"info"')).slice(-20);
  return [alive ? 'the broker is there' : `the broker has ended with ${end?.signal ?? end?.code}`, ...complaints].join('\n');
}

/** wsbroker in front of a backend. */
export async function scene(t, options) {
  const backend = await backendFor(t);
  return { backend, broker: await brokerFor(t, startWsbroker, { backend: backend.url, ...options }) };
}

/** A client whose connect event is answered, and the answer is in effect: its session holds `data`. */
export async function enter(broker, backend, { data = {}, headers } = {}) {
  const client = await Client.connect(broker.url);
  const answer = [{ type: 'session', data }, { type: 'send', message: 'ready' }];
  await (await backend.nextOf('session-connect')).answer(answer, { headers });
  assert.equal(await client.hear(), 'ready');
  return client;
}
