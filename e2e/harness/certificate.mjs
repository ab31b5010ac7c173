// Certificates of the tests' own, by `openssl`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for a certificate and its key, as `tls` in the configuration names them; gone when the test `t` is over. */
export function certificateFor(t) {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const certificate = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  certificate.config = `[tls]\ncert = '${certificate.cert}'\nkey = '${certificate.key}'\n`;
  issue(certificate);
  return certificate;
}

/** Writes a new certificate for this machine, which is its own authority, and gives its serial number. */
export function issue({ cert, key }) {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  openssl(
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '30'],
    ['-subj', '/CN=wsbroker test', '-addext', names, '-keyout', key, '-out', cert],
  );
  return serial(readFileSync(cert));
}

/**
 * An authority of its own as `docs/operations.md` makes one, and a certificate from it for these names; gone when the
 * test `t` is over. Gives the files `ca`, `cert` and `key`.
 */
export function authorityFor(t, names = 'DNS:localhost') {
  const folder = mkdtempSync(join(tmpdir(), 'wsbroker-e2e-ca-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
  openssl(
    ['req', '-x509', ...key, '-days', '3650', '-subj', '/CN=our authority', '-keyout', file('ca.key'), '-out', file('ca.pem')],
  );
  openssl(['req', ...key, '-subj', '/CN=app', '-keyout', file('app.key'), '-out', file('app.csr')]);
  writeFileSync(file('app.ext'), `subjectAltName=${names}\n`);
  openssl(
    ['x509', '-req', '-in', file('app.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-days', '365'],
    ['-extfile', file('app.ext'), '-out', file('app.pem')],
  );
  return { ca: file('ca.pem'), cert: file('app.pem'), key: file('app.key') };
}

/** What `openssl s_client` says of a port, `input` being what it sends. */
export function sClient(port, cert, ...args) {
  return openssl(['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', cert, '-verify_return_error', ...args]);
}

/** The serial number of the certificate in a text. */
export function serial(pem) {
  return execFileSync('openssl', ['x509', '-noout', '-serial'], { input: pem }).toString().trim();
}

function openssl(...args) {
  return execFileSync('openssl', args.flat(), { input: '', stdio: ['pipe', 'pipe', 'pipe'] }).toString();
}
