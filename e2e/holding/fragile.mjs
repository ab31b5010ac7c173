// An application with a fault: `node fragile.mjs PORT crashes|hangs`. At one kind of message it ends or never answers.
//
// It says on standard output what it sees, before anything comes of it.

import { writeSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, fault] = process.argv.slice(2);

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const fields = new URLSearchParams(Buffer.concat(chunks).toString());
  const { type, n } = JSON.parse(fields.get('message'));
  const { wskey } = JSON.parse(fields.get('connection'));
  const headers = request.headers;
  writeSync(1, `${JSON.stringify({ type, n, wskey, id: headers['webhook-id'], attempt: headers['wsbroker-attempt'] })}\n`);
  if (type !== 'client-poison') response.end('[]');
  else if (fault === 'crashes') process.exit(1);
}).listen(Number(port), '127.0.0.1');
