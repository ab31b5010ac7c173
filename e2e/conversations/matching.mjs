// Which sessions a match holds for: string forms, compared without case, and `*`.

const session = {
  word: 'Blue', number: 42, float: 1.5, zero: 0, yes: true, no: false, nothing: null, empty: '',
  list: [9, 2, 3], nested: [1, [2, null, 'x']], none: [], text: '42', umlaut: 'ÄÖÜ',
};

/** A has the session above, B has none of its fields; every criterion is asked of both. */
const asks = (name, ...criteria) => ({
  name,
  async hold(t) {
    await t.connect('A', { answer: [{ type: 'session', data: session }] });
    await t.connect('B', { headers: { Cookie: 'who=b' } });
    for (const match of criteria) await t.post([{ type: 'send', message: match, match }]);
  },
});

export default [
  asks('strings are equal without case', { word: 'Blue' }, { word: 'bLUE' }, { word: 'red' }, { word: ' blue' }, { word: '' }),
  asks('numbers match their digits', { number: 42 }, { number: '42' }, { number: '42.0' }, { number: 43 }, { text: 42 }),
  asks('floats match their shortest form', { float: 1.5 }, { float: '1.5' }, { float: '1.50' }),
  asks('zero and the empty string differ', { zero: 0 }, { zero: '0' }, { zero: '' }, { zero: false }, { empty: '' }, { empty: 0 }),
  asks('booleans match their words', { yes: true }, { yes: 'TRUE' }, { yes: 1 }, { no: false }, { no: 'false' }, { no: 0 }),
  asks('null is a word, too', { nothing: null }, { nothing: 'null' }, { nothing: 'NULL' }, { nothing: '' }, { word: null }),
  asks('lists match their joined form', { list: '9,2,3' }, { list: [9, 2, 3] }, { list: ['9', '2,3'] }, { list: [9] }, { none: '' }, { none: [] }),
  asks('nested lists flatten, and null in them is empty', { nested: '1,2,,x' }, { nested: [1, 2, null, 'X'] }),
  asks('lists of one match their item', { number: [42] }, { word: ['blue'] }, { word: [['BLUE']] }),
  asks('an absent field is the word undefined', { absent: 'undefined' }, { absent: 'UNDEFINED' }, { absent: null }, { absent: '' }, { who: 'undefined' }),
  asks('the star always holds', { word: '*' }, { absent: '*' }, { word: '*', number: 42 }, { word: ['*'] }, { word: '**' }, { word: 'bl*' }),
  asks('all fields must hold', { word: 'blue', number: 42 }, { word: 'blue', number: 1 }, { word: 'blue', who: 'undefined' }),
  asks('names of fields are case-sensitive', { Word: 'blue' }, { WHO: 'b' }, { who: 'B' }),
  asks('names with a dot are no paths', { 'nested.0': 1 }, { 'list.0': 9 }),
  asks('letters outside of ASCII are equal without case', { umlaut: 'äöü' }, { umlaut: 'AOU' }),
  asks('numbers in other spellings', { number: 4.2e1 }, { float: 15e-1 }, { zero: -0 }),
  asks('the empty object is everyone', {}),
  asks('the empty list is everyone', []),
  asks('the star as the whole match is everyone', '*'),
  asks('a list of one star is everyone', ['*']),
  asks('true as the whole match is everyone', true),
  asks('a number as the whole match is everyone', 1, -1, 0.5),
  {
    name: 'numbers of the backend match as JavaScript writes them',
    async hold(t) {
      const data = '{"whole":1.0,"big":100000000000000000000,"huge":1e21,"small":0.000001,"tiny":1e-7,"minus":-0.0}';
      await t.connect('A', { answer: `[{"type":"session","data":${data}}]` });
      for (const match of [
        { whole: '1' }, { whole: '1.0' }, { big: '100000000000000000000' }, { huge: '1e+21' }, { small: '0.000001' },
        { tiny: '1e-7' }, { minus: '0' }, { minus: '-0' },
      ]) {
        await t.post([{ type: 'list', match }]);
      }
    },
  },
  {
    name: 'ip and wskey match like any field',
    async hold(t) {
      const a = await t.connect('A');
      await t.connect('B', { headers: { 'X-Forwarded-For': '198.51.100.5' } });
      await t.post([{ type: 'list', match: { ip: '198.51.100.5' } }]);
      await t.post([{ type: 'list', match: { wskey: a.wskey } }]);
      await t.post([{ type: 'list', match: { ip: '198.51.100' } }]);
    },
  },
  {
    name: 'a match follows what the session becomes',
    async hold(t) {
      const a = await t.connect('A', { answer: [{ type: 'session', data: { room: 'red' } }] });
      await t.post([{ type: 'list', match: { room: 'red' } }, { type: 'list', match: { room: 'blue' } }]);
      await t.say(a, { type: 'move' }, { answer: [{ type: 'session', data: { room: 'blue' } }] });
      await t.post([{ type: 'list', match: { room: 'red' } }]);
      await t.post([{ type: 'list', match: { room: 'blue' } }]);
      await t.leave(a);
      await t.post([{ type: 'list', match: { room: 'blue' } }]);
      await t.post([{ type: 'list', match: { room: 'undefined' } }]);
    },
  },
];
