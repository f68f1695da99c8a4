// One bench at a time on a machine: figures that were taken beside another one would say nothing. It holds an abstract socket, which the kernel lets go of
// when its holder dies, however that happens; nothing lies in a folder.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CaissonError } from '../src/lib/errors.ts';

/** Throws `conflict` while another bench runs. Returns what lets the next one begin. */
export async function beTheOnlyBench(name = 'caisson-bench'): Promise<() => void> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(`\0${name}`);
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new CaissonError(
      'conflict',
      'another bench runs on this machine, and figures taken beside it would say nothing: wait for its end',
    );
  }
  server.unref();
  return () => server.close();
}
