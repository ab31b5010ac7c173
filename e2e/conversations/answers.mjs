// What the backend answers: a list of commands, an empty body, or something else.

const hello = { type: 'send', message: { hello: 'you' } };

export default [
  {
    name: 'the commands of a list run in their order',
    async hold(t) {
      const a = await t.connect('A', {
        answer: [hello, { type: 'send', message: 2 }, { type: 'session', data: { n: 1 } }, { type: 'send', message: 3 }],
      });
      await t.say(a, { type: 'x' }, { answer: [{ type: 'send', message: 4 }, { type: 'send', message: 5 }] });
    },
  },
  {
    name: 'an empty body means no commands',
    async hold(t) {
      const a = await t.connect('A', { answer: '' });
      await t.say(a, { type: 'x' }, { answer: '' });
    },
  },
  {
    name: 'an empty list means no commands',
    async hold(t) {
      const a = await t.connect('A', { answer: [] });
      await t.say(a, { type: 'x' }, { answer: '[]' });
    },
  },
  {
    name: 'what is no list of commands does nothing',
    async hold(t) {
      const a = await t.connect('A', { answer: 'OK' });
      for (const answer of ['<html><body>Fatal error', '42', 'true', '{}', '{"error":"x"}', '[{"type":"send"', '""', '0']) {
        await t.say(a, { type: 'x' }, { answer });
      }
      await t.say(a, { type: 'still here' }, { answer: [hello] });
    },
  },
  {
    name: 'the content type plays no part',
    async hold(t) {
      const a = await t.connect('A');
      for (const type of ['application/json', 'text/plain; charset=iso-8859-1', 'image/png', '']) {
        await t.say(a, { type: 'x' }, { answer: [hello], headers: type ? { 'content-type': type } : {} });
      }
    },
  },
  {
    name: 'blanks around the list are allowed',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: `\r\n  ${JSON.stringify([hello])}\n\n` });
    },
  },
  {
    name: 'unknown commands are passed over and the others run',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: [{ type: 'dance' }, hello, {}, { message: 1 }, hello] });
    },
  },
  {
    name: 'the case of a command matters',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: [{ type: 'Send', message: 1 }, { type: ' send', message: 2 }, hello] });
    },
  },
  {
    name: 'unknown fields of a command are ignored',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: [{ ...hello, to: 'B', comment: { a: 1 } }] });
    },
  },
  {
    name: 'a redirect is not followed',
    async hold(t) {
      const a = await t.connect('A');
      await t.say(a, { type: 'x' }, { answer: '', status: 302, headers: { location: '/elsewhere' } });
      await t.say(a, { type: 'y' }, { answer: [hello] });
    },
  },
  {
    name: 'the status 2xx is success',
    async hold(t) {
      const a = await t.connect('A');
      for (const status of [200, 201, 202]) await t.say(a, { type: 'x' }, { answer: [hello], status });
      await t.say(a, { type: 'x' }, { answer: '', status: 204 });
    },
  },
];
