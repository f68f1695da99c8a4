// Proofs of names on a TLS listener (tls-alpn-01): whoever asks for a name that is being proved, and for the protocol `acme-tls/1` alone, is shown its proof and
// nothing else. The runtime agrees on protocols after the certificate is chosen, so what a client begins with is looked at before anything is answered; only
// while there are proofs.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createServer, type SecureContext } from 'node:tls';
import { type ClientHello, parseClientHello } from '../tls/client-hello.ts';
import type { TlsIdentity } from '../tls/tls-identity.ts';

const protocol = 'acme-tls/1';

export function showProofs(
  server: Server,
  proofs: ReadonlyMap<string, TlsIdentity>,
  contextFor: (identity: TlsIdentity) => SecureContext,
  timeoutMs: number,
): void {
  const prover = createServer(
    {
      minVersion: 'TLSv1.2',
      handshakeTimeout: timeoutMs,
      ALPNProtocols: [protocol],
      SNICallback(name, done) {
        const proof = proofs.get(name.toLowerCase());
        done(null, proof && contextFor(proof));
      },
    },
    (socket) => {
      socket.on('error', () => socket.destroy());
      socket.setTimeout(timeoutMs, () => socket.destroy());
      socket.end();
    },
  );
  const takers = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const take = () => takers.forEach((taker) => taker.call(server, socket));
    if (proofs.size === 0) return take();
    lookAt(socket, timeoutMs, (hello) => {
      const wantsProof = hello?.protocols.length === 1 && hello.protocols[0] === protocol && proofs.has(hello.name ?? '');
      if (wantsProof) prover.emit('connection', socket);
      else take();
    });
  });
}

/** What a client begins with; it is left to be read by whoever gets the connection. */
function lookAt(socket: Socket, timeoutMs: number, decide: (hello: ClientHello | undefined) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const look = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    const hello = parseClientHello(bytes);
    if (hello === 'more') return;
    clearTimeout(timer);
    socket.off('readable', look).off('error', giveUp).off('end', giveUp);
    socket.unshift(bytes);
    decide(hello);
  };
  socket.on('readable', look).on('error', giveUp).on('end', giveUp);
  socket.once('close', () => clearTimeout(timer));
}
