// The original, npm `wsbroker` 1.0.15, as a process of its own.
//
// For each line of standard input, its configuration as JSON, it starts a broker and prints
// `listening PORT`. A broker would listen on every address of the machine; here it gets a server that keeps
// to the loopback interface.

const http = require('node:http');
const { createInterface } = require('node:readline');
const { Broker } = require('wsbroker');

createInterface({ input: process.stdin }).on('line', (config) => {
  const server = http.createServer();
  const listen = server.listen.bind(server);
  server.listen = (port, done) => listen(port, '127.0.0.1', done);
  server.once('listening', () => process.stdout.write(`listening ${server.address().port}\n`));
  new Broker({ port: 0, server, ...JSON.parse(config) });
});
