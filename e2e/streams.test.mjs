// Answers that come line by line, from PHP and from a backend that does as the test says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepting, brokerFor, Child, Client, enter, freePort, fromRoot, scene, startWsbroker, until } from './harness.mjs';

const NDJSON = { 'content-type': 'application/x-ndjson' };

test('a story from PHP comes word by word, and its client is heard meanwhile', async (t) => {
  const port = await freePort();
  const php = Child.start('php', ['-S', `127.0.0.1:${port}`], {
    cwd: fromRoot('examples/backends'), env: { ...process.env, PHP_CLI_SERVER_WORKERS: '4' }, group: true,
  });
  t.after(() => php.stop());
  await accepting(port);
  const broker = await brokerFor(t, startWsbroker, { backend: `http://127.0.0.1:${port}/story.php` });
  const client = await Client.connect(broker.url);
  // So long that there is time for the second.
  client.say({ type: 'tell', about: `a ${'very '.repeat(40)}clever fox` });
  assert.deepEqual(await client.hear(), { type: 'word', word: 'Once' });
  // A second story begins before the first has ended: its event did not wait for the end of the first answer.
  client.say({ type: 'tell', about: 'a hen' });
  const words = [];
  await until(async () => {
    words.push((await client.hear()).word ?? 'END');
    return words.filter((word) => word === 'END').length === 2;
  }, () => `both stories end: ${words}`);
  const end = words.indexOf('END');
  assert.ok(words.slice(0, end).includes('Once'), `${words}`);
  assert.ok(words.includes('fox') && words.includes('hen'));
  assert.ok(client.open);
});

test('a line that is no JSON is told in the log, and the lines behind it are carried out', async (t) => {
  const { broker, backend } = await scene(t, { args: ['--backend-format', 'form'] });
  const client = await enter(broker, backend);
  client.say({ type: 'x' });
  const event = await backend.nextOf('client-x');
  const lines = ['{"type":"send","message":1}', '<b>Warning</b>: oh', '[{"type":"send","message":2}]', ''];
  await event.answer(lines.join('\n'), { headers: NDJSON });
  assert.deepEqual([await client.hear(), await client.hear()], [1, 2]);
  await until(() => /Warning.*display_errors/.test(broker.child.log), () => `the log says what was wrong: ${broker.child.log}`);
  // It was answered: the next one is a new event.
  client.say({ type: 'y' });
  const next = await backend.nextOf('client-y');
  assert.equal(next.headers['wsbroker-attempt'], '1');
});
