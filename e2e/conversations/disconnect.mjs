// The end of a connection, and what the answer to `session-disconnect` can do.

const two = async (t) => [
  await t.connect('A', { answer: [{ type: 'session', data: { room: 'red', user: 'ann' } }] }),
  await t.connect('B', { answer: [{ type: 'session', data: { room: 'red', user: 'bob' } }] }),
];

export default [
  {
    name: 'the event carries the last session info',
    async hold(t) {
      const [a] = await two(t);
      await t.leave(a);
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'commands without a match have no target any more',
    async hold(t) {
      const [a] = await two(t);
      await t.leave(a, {
        answer: [{ type: 'send', message: 'nobody' }, { type: 'session', data: { gone: 1 } }, { type: 'close' }],
      });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'commands with a match work',
    async hold(t) {
      const [a] = await two(t);
      await t.leave(a, {
        answer: [
          { type: 'send', message: 'ann left', match: { room: 'red' } },
          { type: 'session', data: { alone: true }, match: { user: 'bob' } },
          { type: 'send', message: 'to all', match: {} },
          { type: 'send', message: 'to ann', match: { user: 'ann' } },
        ],
      });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'a close in the answer ends others',
    async hold(t) {
      const [a] = await two(t);
      await t.connect('C');
      await t.leave(a, { answer: [{ type: 'close', match: { room: 'red' } }] });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'a connection that a command closed is told of as well',
    async hold(t) {
      await two(t);
      await t.post([{ type: 'close', match: { user: 'ann' } }], {
        onDisconnect: [{ type: 'send', message: 'kicked', match: { room: 'red' } }],
      });
    },
  },
  {
    name: 'an answer that is no list does nothing',
    async hold(t) {
      const [a] = await two(t);
      await t.leave(a, { answer: 'bye' });
      await t.post([{ type: 'list' }]);
    },
  },
];
