// An HTTPS server: TLS 1.2 with forward secrecy and authenticated encryption only, or 1.3. The module is loaded when there is such a listener: it costs
// memory that a daemon on its socket alone does not have to pay.
import type { Server, ServerOptions } from 'node:http';
import type { SecureContext } from 'node:tls';
import { isNameOf } from '../tls/certificate-names.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';
import type { TlsSource } from '../tls/tls-source.ts';

const tls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const tls12 = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap((suite) => [
  `ECDHE-ECDSA-${suite}`,
  `ECDHE-RSA-${suite}`,
]);

/** How long a client may take to shake hands. */
const handshakeTimeoutMs = 10_000;

/** Takes each new certificate of `source` for the connections that come after it. */
export async function createTlsServer(source: TlsSource, options: ServerOptions): Promise<Server> {
  const { createServer } = await import('node:https');
  const { createSecureContext } = await import('node:tls');
  const fixed = {
    minVersion: 'TLSv1.2',
    ciphers: [...tls13, ...tls12].join(':'),
    honorCipherOrder: true,
    ecdhCurve: 'X25519:P-256:P-384',
  } as const;
  const { key, certificates } = source.identity;
  let last: { identity: TlsIdentity; context: SecureContext } | undefined;
  const contextFor = (identity: TlsIdentity) => createSecureContext({ ...fixed, key: identity.key, cert: identity.certificates });
  const contextOf = (identity: TlsIdentity): SecureContext => {
    if (last?.identity !== identity) last = { identity, context: contextFor(identity) };
    return last.context;
  };
  const server = createServer({
    ...options,
    ...fixed,
    key,
    cert: certificates,
    handshakeTimeout: handshakeTimeoutMs,
    ALPNProtocols: ['http/1.1'],
    SNICallback(name, done) {
      const { named } = source;
      // Nothing: the one for everybody.
      done(null, named && isNameOf(named.certificate, name) ? contextOf(named) : undefined);
    },
  });
  // Loaded where names are proved by TLS.
  if (source.proofs) (await import('./tls-proofs.ts')).showProofs(server, source.proofs, contextFor, handshakeTimeoutMs);
  const stop = source.onChange(() => {
    const next = source.identity;
    server.setSecureContext({ ...fixed, key: next.key, cert: next.certificates });
  });
  server.once('close', stop);
  return server;
}
