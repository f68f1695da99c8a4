// A thousand clients that follow events, one of which never reads: how late the others hear of what happens, and what all of them together cost
// the daemon.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../src/api/client.ts';
import { createNodeTransport } from '../src/api/node-transport.ts';
import type { Bench } from './figure.ts';
import { openSimulatedSite } from './simulated-site.ts';
import { median } from './statistics.ts';

const late = 'api/event-clients';
const memory = 'api/event-clients-memory';
const clients = 1000;
const rounds = 20;
const settleMs = 25_000;
/** As the launcher starts a real one. */
const daemonOptions = ['--max-old-space-size=512', '--expose-gc'];

export const bench: Bench = {
  figures: [
    { name: late, unit: 'ms', goal: { atMost: 500 } },
    { name: memory, unit: 'KiB per client', goal: { atMost: 100 } },
  ],
  async run({ isWanted, report, say }) {
    const site = await openSimulatedSite(1, daemonOptions);
    const transport = createNodeTransport({ socketPath: site.socketPath });
    const client = createClient(transport);
    const sockets: Socket[] = [];
    try {
      const follow = (onData: (text: string) => void): Promise<void> => {
        const socket = connect(site.socketPath);
        sockets.push(socket);
        socket.write('GET /v1/events/stream HTTP/1.1\r\nhost: x\r\n\r\n');
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        socket.on('error', reject);
        socket.on('data', (chunk) => {
          resolve();
          onData(chunk.toString('latin1'));
        });
        return promise;
      };
      /** From an action until everybody has heard of its end. */
      const heard = async (count: number): Promise<number> => {
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const action = round % 2 ? 'guestResume' : 'guestPause';
          const word = round % 2 ? 'guest-resumed' : 'guest-paused';
          let left = count;
          const { promise, resolve } = Promise.withResolvers<void>();
          listener = (text) => {
            if (text.includes(word) && --left === 0) resolve();
          };
          const begun = performance.now();
          await client.call(action, { params: { guest: 'guest-0' } });
          await promise;
          times.push(performance.now() - begun);
        }
        return median(times);
      };
      let listener: (text: string) => void = () => {};
      const before = pssKib(site.pid);
      await follow((text) => listener(text));
      const alone = await heard(1);
      say(`${clients} clients, one of which never reads`);
      const lazy = connect(site.socketPath);
      sockets.push(lazy);
      lazy.write('GET /v1/events/stream?after=0 HTTP/1.1\r\nhost: x\r\n\r\n');
      lazy.pause();
      for (let index = 2; index < clients; index++) await follow((text) => listener(text));
      const value = await heard(clients - 1);
      if (isWanted(late)) report(late, { value, baseline: { what: 'one client alone', value: alone } });
      if (isWanted(memory)) {
        await sleep(settleMs);
        const after = pssKib(site.pid);
        report(memory, { value: (after - before) / clients, baseline: { what: 'the daemon before', value: before, unit: 'KiB' } });
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      transport.close();
      await site.close();
    }
  },
};

function pssKib(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
}
