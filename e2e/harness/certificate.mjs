// Certificates of the tests' own, by `openssl`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
