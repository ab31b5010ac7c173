// Each command's effect, seen by the connection that caused the event.

export default [
  {
    name: 'send passes any JSON on',
    async hold(t) {
      const a = await t.connect('A');
      const messages = [
        { type: 'hello', nested: { list: [1, 2, { x: null }] } }, 'a string keeps its quotes', '', 42, -1.5, 0, true, false,
        null, [], {}, [1, [2, [3]]], 'Zürich 東京 😀 "quoted" \\ / \n \u0000 \u2028 </script>',
      ];
      await t.say(a, { type: 'x' }, { answer: messages.map((message) => ({ type: 'send', message })) });
    },
  },
  {
    name: 'send as the backend spells it is the same JSON',
    async hold(t) {
      const a = await t.connect('A');
      const answer = '[ {"message" : {"a" : 1 , "u":"\\u00e9\\/" } , "type":"send"} ]';
      await t.say(a, { type: 'x' }, { answer });
    },
  },
  {
    name: 'a large message arrives whole',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: [{ type: 'send', message: 'é'.repeat(100_000) }] });
    },
  },
  {
    name: 'session sets fields that later events and lists show',
    async hold(t) {
      const a = await t.connect('A', { answer: [{ type: 'session', data: { user: 'ann', roles: ['admin'], age: 42 } }] });
      await t.say(a, { type: 'x' });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'session writes over a cookie',
    async hold(t) {
      const a = await t.connect('A', {
        headers: { Cookie: 'user=guest; theme=dark' },
        answer: [{ type: 'session', data: { user: 'ann' } }],
      });
      await t.say(a, { type: 'x' });
    },
  },
  {
    name: 'close ends the connection with 1000',
    async hold(t) {
      const a = await t.connect('A');
      await t.connect('B');
      await t.say(a, { type: 'bye' }, { answer: [{ type: 'close' }] });
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'what was sent before a close arrives',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'bye' }, { answer: [{ type: 'send', message: 'farewell' }, { type: 'close' }] });
    },
  },
  {
    name: 'a send after a close in the same list is dropped',
    async hold(t) {
      const a = await t.connect('A');
      await t.connect('B');
      await t.say(a, { type: 'bye' }, {
        answer: [{ type: 'close' }, { type: 'send', message: 'too late' }, { type: 'send', message: 'for all', match: {} }],
      });
    },
  },
  {
    name: 'the answer to a connect can refuse the client',
    async hold(t) {
      await t.connect('A', { answer: [{ type: 'send', message: 'no' }, { type: 'close' }] });
      await t.connect('B');
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'list and log in an answer send nothing to the client',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, {
        answer: [{ type: 'list' }, { type: 'log', text: 'a line' }, { type: 'log', text: { any: ['JSON'] } }, { type: 'log' }],
      });
      await t.say(a, { type: 'still here' }, { answer: [{ type: 'send', message: 'yes' }] });
    },
  },
];
