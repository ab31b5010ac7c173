// Where wsbroker differs on purpose: each conversation goes differently with the two, and `change` names the
// line of the table in `differential/changes.mjs` that says why.

const hello = { type: 'send', message: 'hello' };
const encoded = (commands) => `data=${encodeURIComponent(JSON.stringify(commands))}`;

const answers = (name, change, answer, options) => ({
  name,
  change,
  async hold(t) {
    const a = await t.connect('A');
    await t.connect('B');
    await t.say(a, { type: 'x' }, { answer, ...options });
    await t.post([{ type: 'list' }]);
  },
});

const merges = (name, change, ...pieces) => ({
  name,
  change,
  async hold(t) {
    await t.connect('A');
    for (const data of pieces) await t.post([{ type: 'session', data }]);
    await t.post([{ type: 'list' }]);
  },
});

const requests = (name, change, ...list) => ({
  name,
  change,
  async hold(t) {
    await t.connect('A');
    for (const request of list) await t.request(request);
  },
});

export default [
  {
    name: 'without a forwarding header the ip is the address of the peer',
    change: 'ip',
    hold: (t) => t.connect('A', { forwardedFor: null }),
  },
  {
    name: 'a cookie called ip or wskey sets nothing',
    change: 'cookie ip',
    hold: (t) => t.connect('A', { forwardedFor: null, headers: { Cookie: 'ip=6.6.6.6; wskey=forged; a=1' } }),
  },
  {
    name: 'a cookie called ip or wskey does not even change their place',
    change: 'cookie ip',
    hold: (t) => t.connect('A', { headers: { Cookie: 'ip=6.6.6.6; wskey=forged; a=1' } }),
  },
  {
    name: 'a cookie in UTF-8 is read as such',
    change: 'cookie text',
    hold: (t) => t.connect('A', { headers: { Cookie: Buffer.from('city=Zürich').toString('latin1') } }),
  },
  {
    name: 'of several forwarded addresses the right-most untrusted one counts',
    change: 'ip',
    hold: (t) => t.connect('A', { forwardedFor: '6.6.6.6, 198.51.100.9, 127.0.0.1' }),
  },
  {
    name: 'wskey is not the key of the handshake',
    change: 'wskey',
    hold: (t) => t.connect('A', { comparesKey: true }),
  },
  {
    name: 'the disconnect tells code and reason',
    change: 'code and reason',
    showCode: true,
    async hold(t) {
      const a = await t.connect('A');
      await t.leave(a, { code: 3001, reason: 'see you' });
      const b = await t.connect('B');
      await t.post([{ type: 'close' }]);
      await t.connect('C');
    },
  },
  {
    name: 'numbers keep their digits',
    change: 'digits',
    digits: true,
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, '{"type":"n","list":[1.0,12345678901234567890,1e2,0.10,-0]}', {
        answer: '[{"type":"send","message":[1.0,12345678901234567890,1e2,0.10,-0]}]',
      });
    },
  },
  {
    name: 'a binary frame is an event of its own',
    change: 'binary',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, Buffer.from('{"type":"hello"}'));
      await t.say(a, Buffer.from([0, 1, 2, 0xff]));
    },
  },
  {
    name: 'with binary = "text" a binary frame is read as the original reads it',
    config: '[[endpoint]]\npath = "*"\nbinary = "text"\n',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, Buffer.from('{"type":"hello"}'));
    },
  },
  answers('a single command object is a command', 'single object', hello),
  answers('a single command object with a match', 'single object', { ...hello, match: {} }),
  answers('a send without a message sends nothing', 'send without message', [{ type: 'send' }, hello]),
  answers('the status 4xx drops the answer', 'status', [hello], { status: 404 }),
  answers('the status 3xx drops the answer', 'status', [hello], { status: 302, headers: { location: '/' } }),
  {
    name: 'the status 5xx is tried again',
    change: 'status',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: [{ type: 'send', message: 'of the 500' }], status: 500, again: [hello] });
    },
  },
  {
    name: 'a list shows the state at its place',
    change: 'list state',
    async hold(t) {
      await t.connect('A', { headers: { Cookie: 'user=ann' } });
      await t.post([{ type: 'list' }, { type: 'session', data: { user: 'bob' } }, { type: 'list' }]);
    },
  },
  {
    name: 'a connection that is closing does not match',
    change: 'closing',
    async hold(t) {
      await t.connect('A');
      await t.post([{ type: 'close' }, { type: 'list' }]);
    },
  },
  {
    name: 'ip and wskey can not be overwritten',
    change: 'fixed fields',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, {
        answer: [{ type: 'session', data: { ip: '6.6.6.6', a: 1, wskey: 'forged', b: 2 } }],
      });
      await t.post([{ type: 'list' }]);
    },
  },
  merges('an object replaces an array', 'object over array', { a: [1, 2] }, { a: { x: 1 } }),
  requests('an unknown command gives an error in its place', 'unknown command', {
    body: encoded([{ type: 'list', match: { ip: 'x' } }, { type: 'sned' }, hello]),
  }),
  requests('data that is not JSON is refused', 'bad data', { body: 'data=[{"type":"list"]' }),
  requests(
    'a single object is a command in a POST, too',
    'json body',
    { body: encoded(hello) },
    { note: 'application/json', headers: { 'content-type': 'application/json' }, body: JSON.stringify(hello) },
    { note: 'application/json', headers: { 'content-type': 'application/json' }, body: JSON.stringify([hello, { type: 'log', text: 'x' }]) },
  ),
  requests('a multipart form will do as well', 'json body', {
    note: 'multipart/form-data',
    headers: { 'content-type': 'multipart/form-data; boundary=XX' },
    body: `--XX\r\nContent-Disposition: form-data; name="data"\r\n\r\n${JSON.stringify([hello])}\r\n--XX--\r\n`,
  }),
  requests('results are JSON by their content type', 'content type', { body: encoded([hello]), showType: true }),
  requests('a request that was forwarded is refused', 'forwarded', {
    note: 'forwarded', headers: { 'x-forwarded-for': '203.0.113.9' }, body: encoded([hello]),
  }),
  requests('GET asks for an upgrade', 'other methods', { method: 'GET' }),
  requests(
    'methods other than POST and GET are refused',
    'other methods',
    { method: 'PUT', body: encoded([hello]) },
    { method: 'DELETE' },
    { method: 'PATCH', body: 'x' },
  ),
  {
    name: 'access is denied with a status',
    change: 'access denied',
    allow: [],
    async hold(t) {
      await t.connect('A');
      await t.post([hello]);
      await t.request({ body: '' });
    },
  },
  {
    name: 'access for another address does not open the door',
    change: 'access denied',
    allow: ['192.0.2.1', '127.0.0.2'],
    async hold(t) {
      await t.connect('A');
      await t.post([hello]);
    },
  },
  {
    name: 'a match that is a word is refused',
    change: 'other matches',
    async hold(t) {
      await t.connect('A');
      await t.post([{ type: 'list', match: 'room' }]);
      await t.post([{ type: 'list', match: ['room'] }]);
    },
  },
  {
    name: 'an object as a criterion is an operator',
    change: 'operators',
    async hold(t) {
      await t.connect('A', { answer: [{ type: 'session', data: { age: 42, deep: { x: 1 } } }] });
      for (const match of [{ age: { $gte: 18 } }, { age: { $lt: 18 } }, { deep: { x: 1 } }]) await t.post([{ type: 'list', match }]);
    },
  },
];
