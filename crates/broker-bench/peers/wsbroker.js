// The original broker, set up as its README does, without logging.
//
// node wsbroker.js PORT [BACKEND_URL]
'use strict';

const { Broker } = require('wsbroker');

const [port, backendUrl] = process.argv.slice(2);
const backend = { allow: ['127.0.0.1'] };
if (backendUrl) {
  backend.type = 'http';
  backend.url = backendUrl;
}

// Its `port` is handed to `server.listen`, which also takes an object: so it
// listens on IPv4 loopback, and its peers have the address that it allows.
new Broker({ port: { host: '127.0.0.1', port: Number(port) }, log: false, backend });
