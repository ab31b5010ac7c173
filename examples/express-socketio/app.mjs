// An ordinary Express application. The Socket.IO connections are wsbroker's, which POSTs what happens on them to /events.
//
//   node app.mjs [PORT] [BROKER_URL]

import { fileURLToPath } from 'node:url';
import express from 'express';

const [port = '3000', broker = 'http://127.0.0.1:4080'] = process.argv.slice(2);

/** Who is connected: when each came, by the id that is `socket.id` in the browser. */
const clients = new Map();

const app = express();

app.get('/', (request, response) => response.sendFile(fileURLToPath(new URL('index.html', import.meta.url))));

// At its start wsbroker looks whether somebody is here.
app.head('/events', (request, response) => response.end());

// What wsbroker tells, with `backend.format = "json"`. The answer is a list of commands.
app.post('/events', express.json(), (request, response) => {
  const { message, connection, time } = request.body;
  switch (message.type) {
    case 'broker-start':
      clients.clear();
      return response.json([]);
    case 'session-connect':
      clients.set(connection.wskey, time);
      return response.json([{ type: 'send', message: { type: 'greeting', args: [`Hello, ${connection.wskey}!`] } }]);
    case 'session-disconnect':
      clients.delete(connection.wskey);
      return response.json([]);
    case 'client-chat message':
      return response.json([{ type: 'send', match: {}, message: { type: 'chat message', args: message.args } }]);
    default:
      return response.json([]);
  }
});

app.get('/count', (request, response) => response.json({ count: clients.size }));

app.get('/broadcast/:message', async (request, response) => {
  const { message } = request.params;
  const commands = [{ type: 'send', message: { type: 'chat message', args: [message] } }];
  const answer = await fetch(broker, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(commands),
  });
  response.status(answer.ok ? 200 : 502).json({ message });
});

const server = app.listen(Number(port), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
