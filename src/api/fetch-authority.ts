// Which authority a daemon's certificate comes from, asked before it is trusted: to be compared with what its host says, and then given as
// the one authority of every connection after that. Nothing secret is sent on this one.
import { X509Certificate } from 'node:crypto';
import { CaissonError } from '../lib/errors.ts';

export interface SeenAuthority {
  pem: string;
  /** SHA-256, as `caisson host ca` prints it: `AB:CD:…`. */
  fingerprint: string;
}

/**
 * The last certificate that the daemon at `url` (`https://HOST:PORT`) shows. With `fingerprint` (any spelling of the hex digits) throws `untrusted`
 * when it is another. Throws `invalid`, `unavailable`, `timeout`.
 */
export async function fetchAuthority(url: string, options: { fingerprint?: string; timeoutMs?: number } = {}): Promise<SeenAuthority> {
  const { fingerprint, timeoutMs = 10_000 } = options;
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'https:') throw new CaissonError('invalid', `${url} has no certificate: it is not https`);
  const { connect } = await import('node:tls');
  const host = hostname.replace(/^\[|\]$/g, '');
  const { promise, resolve, reject } = Promise.withResolvers<SeenAuthority>();
  // Looked at, not believed.
  const socket = connect({
    host,
    port: Number(port || 443),
    servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '',
    rejectUnauthorized: false,
  });
  socket.setTimeout(timeoutMs, () => socket.destroy(new CaissonError('timeout', `${url} did not answer in ${timeoutMs} ms`)));
  socket.on('error', (cause) =>
    reject(cause instanceof CaissonError ? cause : new CaissonError('unavailable', `no TLS at ${url}`, { cause })),
  );
  socket.on('secureConnect', () => {
    let at = socket.getPeerCertificate(true);
    while (at.issuerCertificate && at.issuerCertificate.fingerprint256 !== at.fingerprint256) at = at.issuerCertificate;
    const certificate = new X509Certificate(at.raw);
    resolve({ pem: certificate.toString(), fingerprint: certificate.fingerprint256 });
    socket.end();
  });
  const seen = await promise;
  if (fingerprint !== undefined && digits(fingerprint) !== digits(seen.fingerprint))
    throw new CaissonError(
      'untrusted',
      `${url} is another than you were told, or somebody stands between: its authority has the fingerprint ${seen.fingerprint}, not ${fingerprint}`,
    );
  return seen;
}

function digits(fingerprint: string): string {
  return fingerprint.replaceAll(/[^0-9a-f]/gi, '').toUpperCase();
}
