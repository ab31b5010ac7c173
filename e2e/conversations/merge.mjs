// How `session` merges its data into the session info.

/** The session info after each piece of data, one after the other. */
const merges = (name, ...pieces) => ({
  name,
  async hold(t) {
    await t.connect('A', { headers: { Cookie: 'user=ann' } });
    for (const data of pieces) await t.post([{ type: 'session', data, match: {} }]).then(() => t.post([{ type: 'list' }]));
  },
});

export default [
  merges('new fields are added behind the others', { b: 1 }, { a: 2 }),
  merges('values replace values', { a: 1 }, { a: 'two' }, { a: true }, { a: 0 }, { a: '' }),
  merges('objects merge deeply', { a: { x: 1, deep: { one: 1 } } }, { a: { y: 2, deep: { two: 2 } } }, { a: { deep: { one: 'I' } } }),
  merges('arrays merge by index', { a: [1, 2, 3] }, { a: [9] }, { a: [8, 7, 6, 5] }, { a: [] }),
  merges('objects in arrays merge, too', { a: [{ x: 1 }, { x: 2 }] }, { a: [{ y: 1 }] }),
  merges('arrays in arrays merge, too', { a: [[1, 2], [3]] }, { a: [[9]] }),
  merges('null writes over anything', { a: 1, b: { c: 1 }, d: [1] }, { a: null, b: { c: null }, d: null }, { b: null }),
  merges('null in an array writes over its item', { a: [1, 2] }, { a: [null] }),
  merges('anything writes over null', { a: null, b: null, c: null }, { a: 1, b: { x: 1 }, c: [1] }),
  merges('an object replaces a value', { a: 1, b: 'x' }, { a: { x: 1 }, b: { y: { z: 2 } } }),
  merges('an array replaces a value and an object', { a: 1, b: { x: 1 } }, { a: [1], b: [2] }),
  merges('a value replaces an object and an array', { a: { x: 1 }, b: [1, 2] }, { a: 1, b: 'x' }),
  merges('an empty object changes nothing', { a: { x: 1 } }, { a: {} }, {}),
  merges('an empty list is an empty object', { a: 1 }, []),
  merges('no data changes nothing', { a: 1 }, null),
  merges('a cookie becomes an object', { user: { name: 'ann' } }),
  {
    name: 'a session command reaches all that match, each on its own',
    async hold(t) {
      const set = (data) => ({ answer: [{ type: 'session', data }] });
      await t.connect('A', set({ room: 'red', seen: { a: 1 } }));
      await t.connect('B', set({ room: 'red', seen: { b: 1 } }));
      await t.connect('C', set({ room: 'blue' }));
      await t.post([{ type: 'session', data: { seen: { both: 1 }, tags: ['x'] }, match: { room: 'red' } }]);
      await t.post([{ type: 'session', data: { seen: { a: 2 }, tags: ['y'] }, match: { seen: '[object Object]', room: 'RED' } }]);
      await t.post([{ type: 'list' }]);
    },
  },
  {
    name: 'merged objects are not shared between sessions',
    async hold(t) {
      await t.connect('A', { headers: { Cookie: 'who=a' } });
      await t.connect('B', { headers: { Cookie: 'who=b' } });
      await t.post([{ type: 'session', data: { shared: { list: [1] } } }]);
      await t.post([{ type: 'session', data: { shared: { list: [2], own: true } }, match: { who: 'a' } }]);
      await t.post([{ type: 'list' }]);
    },
  },
];
