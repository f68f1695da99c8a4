// The plain HTTP listener that an ACME server asks for proofs. It shows these and nothing else, to anybody.
import { createServer, type Server } from 'node:http';
import { CaissonError } from '../../lib/errors.ts';
import type { AcmeProofs } from './acme-client.ts';

export type AcmePlace = { host: string; port: number } | { fd: number };

const prefix = '/.well-known/acme-challenge/';

export interface ProofListeners extends AcmeProofs {
  close(): void;
}

/** Throws `failed` when one of the places cannot be listened on. */
export async function openProofListeners(places: readonly AcmePlace[]): Promise<ProofListeners> {
  const proofs = new Map<string, string>();
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
  for (const place of places) {
    const server = createServer(
      { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 1000, maxHeaderSize: 8192 },
      (request, response) => {
        const url = request.url ?? '';
        const text = url.startsWith(prefix) ? proofs.get(url.slice(prefix.length)) : undefined;
        const found = text !== undefined && (request.method === 'GET' || request.method === 'HEAD');
        response.writeHead(found ? 200 : 404, { 'content-type': found ? 'application/octet-stream' : 'text/plain', connection: 'close' });
        response.end(found ? text : 'The console is at HTTPS.\n');
      },
    );
    server.maxConnections = 64;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(place, resolve);
    try {
      await promise;
    } catch (cause) {
      close();
      throw new CaissonError('failed', 'the daemon cannot listen for proofs of its names (--acme-listen)', { cause });
    }
    servers.push(server);
  }
  return {
    kind: 'http-01',
    needs: (name) => `http://${name}/ must reach --acme-listen of this host`,
    show: async ({ token, text }) => void proofs.set(token, text),
    hide: ({ token }) => void proofs.delete(token),
    close,
  };
}
