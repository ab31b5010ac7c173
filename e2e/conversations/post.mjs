// The command POST on the public port.

const encoded = (commands) => `data=${encodeURIComponent(JSON.stringify(commands))}`;
const list = [{ type: 'list' }];

export default [
  {
    name: 'results come in the order of the commands',
    async hold(t) {
      await t.connect('A', { headers: { Cookie: 'user=ann' } });
      await t.connect('B', { headers: { Cookie: 'user=bob' } });
      await t.post([
        { type: 'send', message: 'hi' },
        { type: 'session', data: { n: 1 } },
        { type: 'log', text: 'seen' },
        { type: 'log', text: { any: 'JSON' } },
      ]);
      await t.post([{ type: 'list' }, { type: 'list', match: { user: 'bob' } }, { type: 'send', message: 'x' }, { type: 'list', match: { user: 'eve' } }]);
      await t.post([{ type: 'close', match: { user: 'eve' } }]);
    },
  },
  { name: 'a list of nobody is empty', hold: (t) => t.post(list) },
  {
    name: 'a list is in the order of connecting',
    async hold(t) {
      for (const name of ['A', 'B', 'C', 'D', 'E', 'F']) await t.connect(name);
      await t.leave(t.clients[2]);
      await t.connect('G');
      await t.post(list);
    },
  },
  {
    name: 'an empty list gives an empty body',
    async hold(t) {
      await t.post([]);
      await t.request({ body: '' });
      await t.request({ body: 'data=' });
      await t.request({ body: 'other=1' });
    },
  },
  {
    name: 'any path will do',
    async hold(t) {
      await t.connect('A');
      for (const path of ['/some/where', '/x.php?data=%5B%5D', '//']) {
        await t.request({ note: path, path, body: encoded(list) });
      }
    },
  },
  {
    name: 'a body that starts with data= is a form whatever its content type says',
    async hold(t) {
      await t.connect('A');
      for (const type of ['text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded; charset=utf-8']) {
        await t.request({ note: type, headers: { 'content-type': type }, body: encoded(list) });
      }
    },
  },
  {
    name: 'a form is decoded: plus, percent, UTF-8, and other fields around data',
    async hold(t) {
      await t.connect('A');
      await t.request({ body: 'data=[{"type":"send","message":"a+b%2Bc%20d%C3%A9"}]' });
      await t.request({ body: `x=1&${encoded(list)}&y=2` });
      await t.request({ body: 'data=%5b%7b%22type%22%3a%22send%22%2c%22message%22%3a%22100%25%22%7d%5d' });
    },
  },
  {
    name: 'a longer list of commands',
    async hold(t) {
      await t.connect('A');
      const commands = Array.from({ length: 30 }, (_, n) => ({ type: 'send', message: { n } }));
      await t.post(commands);
    },
  },
];
