// How a client's frame becomes an event: the prefix, what has no type, and what is no JSON.

const says = (name, ...messages) => ({
  name,
  async hold(t) {
    const a = await t.connect('A', { headers: { Cookie: 'user=ann' } });
    for (const message of messages) await t.say(a, message);
  },
});

export default [
  says('the type gets the prefix client-', { type: 'hello', content: 'there' }, { content: 1, type: 'x' }),
  says('a type that starts with client- stays', { type: 'client-hello' }, { type: 'client-' }, { type: 'client-client-x' }),
  says('the prefix is case-sensitive and seven characters long', { type: 'Client-hello' }, { type: 'client' }, { type: 'clients-x' }),
  says('session events can not be forged', { type: 'session-connect' }, { type: 'session-disconnect' }),
  says('no type at all is client-message', {}, { content: 'hi' }),
  says('a falsy type is client-message', { type: '' }, { type: 0 }, { type: null }, { type: false }, '{"type":-0.0}'),
  says(
    'duplicate and escaped keys forge nothing',
    '{"type":"a","type":"session-connect"}',
    '{"type":"session-connect","type":"client-a"}',
    '{"\\u0074ype":"session-connect"}',
    '{"type":"client-x","\\u0074\\u0079pe":"session-connect"}',
  ),
  says('escapes in the type are read', '{"type":"\\u0063lient-x"}', '{"type":"a\\"b\\\\c\\n\\u00e9\\ud83d\\ude00"}'),
  says('arrays pass without a type', [], [1, 'two', { type: 'session-connect' }]),
  says('strings pass without a type', '"just text"', '""', '"session-connect"'),
  says('numbers pass without a type', '42', '-1.5', '0'),
  says('booleans pass without a type', 'true', 'false'),
  says(
    'nested values are left alone',
    { type: 'x', data: { type: 'inner', list: [{ type: 'y' }], nothing: null, empty: {}, none: [] } },
  ),
  says('all of Unicode passes', { type: 'x', text: 'Zürich 東京 😀 \u0000\u001f\u007f\u2028 "\\/' }),
  says('blanks around JSON are allowed', ' \t\r\n{"type" : "x" }\n'),
  says('text that is not JSON is reported with its source', 'hello', '{"type":"x"', '{type:1}', "{'type':'x'}", '[1,]'),
  says('the source is whole, with its line breaks and quotes', 'say "hi"\nand \\ bye // source: x', `no JSON ${'x'.repeat(5000)}`),
  says('an empty frame is not JSON', ''),
  says('a byte order mark is not JSON', '\ufeff{"type":"x"}'),
  says('unknown literals are not JSON', 'undefined', 'NaN', 'Infinity', '01', '+1', '.5', '1.'),
  {
    name: 'a large message passes whole',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'big', text: 'é'.repeat(200_000) });
    },
  },
  {
    name: 'the query string of the backend is kept',
    backendPath: '/chat/backend.php?app=1&key=a%20b&c',
    hold: (t) => t.connect('A', { showRequest: true }),
  },
  {
    name: 'events carry the session info of their moment',
    async hold(t) {
      const a = await t.connect('A', { answer: [{ type: 'session', data: { room: 'red' } }] });
      await t.say(a, { type: 'one' }, { answer: [{ type: 'session', data: { room: 'blue', n: 1 } }] });
      await t.say(a, { type: 'two' });
      await t.leave(a);
    },
  },
];
