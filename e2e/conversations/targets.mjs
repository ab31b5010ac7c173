// Whom a command aims at: in an answer without a match the one that caused the event, in a POST everyone.

const three = async (t) => {
  const set = (room) => ({ answer: [{ type: 'session', data: { room } }] });
  return [await t.connect('A', set('red')), await t.connect('B', set('red')), await t.connect('C', set('blue'))];
};

const falsy = [undefined, null, false, 0, ''];

export default [
  {
    name: 'in an answer no match, or a falsy one, is the connection itself',
    async hold(t) {
      const [a] = await three(t);
      const answer = falsy.map((match, index) => ({ type: 'send', message: index, match }));
      await t.say(a, { type: 'x' }, { answer });
      await t.say(a, { type: 'y' }, { answer: falsy.map((match, n) => ({ type: 'session', data: { [`n${n}`]: 1 }, match })) });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'in an answer a match reaches everyone that matches',
    async hold(t) {
      const [a] = await three(t);
      await t.say(a, { type: 'x' }, {
        answer: [
          { type: 'send', message: 'red', match: { room: 'red' } },
          { type: 'send', message: 'blue', match: { room: 'blue' } },
          { type: 'send', message: 'none', match: { room: 'green' } },
          { type: 'send', message: 'all', match: {} },
          { type: 'session', data: { visited: true }, match: { room: 'blue' } },
        ],
      });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'in an answer a close with a match ends the others',
    async hold(t) {
      const [, , c] = await three(t);
      await t.say(c, { type: 'kick' }, { answer: [{ type: 'close', match: { room: 'red' } }, { type: 'send', message: 'done' }] });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'in a POST no match, or a falsy one, is everyone',
    async hold(t) {
      await three(t);
      for (const match of falsy) await t.post([{ type: 'send', message: 'hi', match }]);
      await t.post([{ type: 'session', data: { seen: 1 } }, { type: 'list', match: null }]);
    },
  },
  {
    name: 'in a POST a match reaches those that match',
    async hold(t) {
      await three(t);
      await t.post([{ type: 'send', message: 'red', match: { room: 'red' } }, { type: 'session', data: { n: 1 }, match: { room: 'blue' } }]);
      await t.post([{ type: 'list', match: { n: '1' } }]);
    },
  },
  {
    name: 'in a POST a close without a match ends everyone',
    async hold(t) {
      await three(t);
      await t.post([{ type: 'close' }]);
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'a session set earlier in a list is matched later in it',
    async hold(t) {
      const [, b] = await three(t);
      await t.say(b, { type: 'move' }, {
        answer: [
          { type: 'send', message: 'b leaves', match: { room: 'red' } },
          { type: 'session', data: { room: 'blue' } },
          { type: 'send', message: 'b is here', match: { room: 'blue' } },
        ],
      });
    },
  },
];
