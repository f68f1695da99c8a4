// Listening on a socket file. Its permissions are the authorization: owner and group, nobody else, from the first moment on.
import { connect, type Server } from 'node:net';
import { rm } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';

/** Longest path that the kernel takes. */
const maxPathBytes = 107;

/** Throws `conflict` when somebody answers there already; a file that a dead daemon left is replaced. */
export async function listenOnSocketFile(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new CaissonError('invalid', `the socket path ${path} is longer than ${maxPathBytes} bytes: choose a shorter directory`);
  if (await answers(path)) throw new CaissonError('conflict', `another daemon listens on ${path}`);
  await rm(path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('listening', resolve);
  server.once('error', (cause) => reject(new CaissonError('failed', `the daemon cannot listen on ${path}`, { cause })));
  // The file is made inside of listen(), so nobody can connect before the permissions are right.
  const before = process.umask(0o117);
  try {
    server.listen({ path });
  } finally {
    process.umask(before);
  }
  await promise;
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  const settle = (value: boolean) => {
    socket.destroy();
    resolve(value);
  };
  socket.on('connect', () => settle(true));
  socket.on('error', () => settle(false));
  return promise;
}
