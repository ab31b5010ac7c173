// Answers that are no answers, given to the release binary: what becomes of the event, of the next one and of others.
//
// How each is read is held by crates/broker-backend/tests/it. Here it is seen to harm nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendFor, enter, scene, until } from './harness.mjs';

const OK = 'HTTP/1.1 200 OK\r\n';
/** What is never run here. */
const COMMANDS = '[{"type":"send","message":"never"}]';

/** Answers after which the event may have been lost: it is tried again under the same id. */
const TRIED_AGAIN = {
  'none at all': () => {},
  'one byte now and then, for longer than the time-out': (socket) => {
    socket.write(`${OK}Content-Length: ${COMMANDS.length}\r\n\r\n`);
    trickle(socket, COMMANDS, 200);
  },
  'the end of the connection': (socket) => socket.end(),
  'the end in the middle of the body': (socket) => socket.end(`${OK}Content-Length: 1000\r\n\r\n${COMMANDS}`),
  'a reset of a connection that was used before': (socket) => socket.resetAndDestroy(),
  'a status that is no number': (socket) => socket.end(`HTTP/1.1 fine\r\nContent-Length: ${COMMANDS.length}\r\n\r\n${COMMANDS}`),
  'another protocol': (socket) => socket.end('220 mail.example.org ESMTP\r\n'),
  'two lengths': (socket) => socket.end(`${OK}Content-Length: ${COMMANDS.length}\r\nContent-Length: 3\r\n\r\n${COMMANDS}`),
};

/** Answers after which it has arrived: it is given up, and a line in the log says so. */
const GIVEN_UP = {
  'HTML': {
    answer: (socket) => socket.end(`${OK}Content-Type: text/html\r\n\r\n<h1>It works</h1>${COMMANDS}`),
    says: /begins with \\?"<h1>It works/,
  },
  'a body without an end': {
    answer: (socket) => {
      socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
      flood(socket, `10000\r\n${' '.repeat(0x10000)}\r\n`);
    },
    says: /max_answer/,
  },
  'a length of 100 MiB': {
    answer: (socket) => {
      socket.write(`${OK}Content-Length: ${100 << 20}\r\n\r\n`);
      flood(socket, ' '.repeat(0x10000));
    },
    says: /max_answer/,
  },
};

for (const [name, answer] of Object.entries(TRIED_AGAIN)) {
  test(`answered by ${name}: the event is tried again under its id, in order, and others go on`, async (t) => {
    const { backend, client, other } = await pair(t);
    client.say({ type: 'x', n: 1 });
    client.say({ type: 'x', n: 2 });
    const first = await backend.nextOf('client-x');
    answer(first.socket);
    await isServed(other, backend);
    const again = await backend.nextOf('client-x');
    assert.deepEqual([again.message.n, again.headers['webhook-id']], [1, first.headers['webhook-id']]);
    await again.answer([{ type: 'send', message: 'first' }]);
    await (await backend.next('the second', ({ message }) => message.n === 2)).answer([{ type: 'send', message: 'second' }]);
    assert.deepEqual([await client.hear(), await client.hear()], ['first', 'second']);
  });
}

for (const [name, { answer, says }] of Object.entries(GIVEN_UP)) {
  test(`answered by ${name}: nothing of it is run, the log says so, and the next event follows`, async (t) => {
    const { broker, backend, client, other } = await pair(t);
    client.say({ type: 'x', n: 1 });
    client.say({ type: 'x', n: 2 });
    const first = await backend.nextOf('client-x');
    const { socket } = first;
    answer(socket);
    await isServed(other, backend);
    await isGivenUp(broker, first, says);
    const next = await backend.nextOf('client-x');
    assert.equal(next.message.n, 2);
    await next.answer([{ type: 'send', message: 'second' }]);
    assert.equal(await client.hear(), 'second');
    await until(() => socket.destroyed, 'the connection of the bad answer is closed');
  });
}

test('answered by a redirect or a 4xx: nothing of it is run, nobody is asked elsewhere, the log says so', async (t) => {
  const { broker, backend, client, other } = await pair(t);
  const internal = await backendFor(t);
  for (const status of [301, 302, 307, 308, 400, 404, 410]) {
    client.say({ type: 'x' });
    const event = await backend.nextOf('client-x');
    await event.answer(COMMANDS, { status, headers: { location: internal.url } });
    await isGivenUp(broker, event, new RegExp(`^backend answered ${status};`));
  }
  await isServed(other, backend);
  await isServed(client, backend);
  assert.equal(internal.requests, 0);
});

/** Two clients of a broker whose patience with the backend is short. */
async function pair(t) {
  const { broker, backend } = await scene(t, {
    settings: { BACKEND__TIMEOUT: '2s', BACKEND__MAX_ANSWER: '64KiB' },
  });
  return { broker, backend, client: await enter(broker, backend), other: await enter(broker, backend) };
}

async function isServed(client, backend) {
  client.say({ type: 'ask' });
  await (await backend.nextOf('client-ask')).answer([{ type: 'send', message: 'answered' }]);
  assert.equal(await client.hear(), 'answered');
}

async function isGivenUp(broker, event, says) {
  const id = event.headers['webhook-id'];
  const line = await broker.child.stderr.next(`a line about ${id}`, (text) => {
    return text.startsWith('{') && JSON.parse(text).event === 'dropped' && JSON.parse(text).event_id === id;
  });
  assert.match(JSON.parse(line).msg, says);
}

/** One byte of the text after the other, until it is at its end or the connection is. */
function trickle(socket, text, everyMs) {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at === text.length) clearInterval(timer);
    else socket.write(text[at++]);
  }, everyMs);
}

/** The same bytes again and again, as fast as they are taken, until the connection ends. */
function flood(socket, bytes) {
  const fill = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', fill);
  fill();
}
