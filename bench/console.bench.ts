// How soon what is typed at the serial console of a guest is seen there: from the websocket through the daemon to the guest's terminal and back, beside a
// request to the same daemon.
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { endpoints } from '../src/api/endpoints.ts';
import { pathOf } from '../src/api/client.ts';
import { createNodeTransport } from '../src/api/node-transport.ts';
import { waitFor } from '../src/lib/wait-for.ts';
import { tinyDisk } from '../test/tiny-guest/tiny-disk.ts';
import type { Bench } from './figure.ts';
import { applySite, onHost } from './real-host.ts';
import { median } from './statistics.ts';
import { tinySite } from './tiny-site.ts';

const echo = 'guest/console-echo';
const rounds = 50;

export const bench: Bench = {
  figures: [{ name: echo, unit: 'ms', goal: { atMost: 30 } }],
  async run({ report, say, signal }) {
    const image = await tinyDisk();
    await onHost(signal, async (host) => {
      await applySite(host.client, tinySite(image));
      const transport = createNodeTransport({ socketPath: host.socketPath });
      try {
        const stream = await transport.openWebSocket(pathOf(endpoints.guestConsole, { guest: 'tiny' }, { history: 0 }));
        say(`${rounds} bytes typed, one at a time`);
        const value = await host.unlessStopped(echoTime(stream));
        stream.destroy();
        report(echo, { value, baseline: { what: 'a request of the API to the same daemon', value: await requestTime(host.socketPath) } });
      } finally {
        transport.close();
      }
    });
  },
};

/** The terminal of the guest's kernel says again what it is told, whether anybody reads it or not. */
async function echoTime(stream: Duplex): Promise<number> {
  let heard = '';
  stream.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  await waitFor(
    'the terminal says what is typed',
    () => {
      stream.write('.');
      return heard.includes('.');
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const letter = String.fromCharCode(0x61 + (round % 26));
    heard = '';
    const begun = performance.now();
    stream.write(letter);
    while (!heard.includes(letter)) await once(stream, 'data');
    times.push(performance.now() - begun);
  }
  return median(times);
}

/** Of the smallest question, on a connection of its own. */
async function requestTime(socketPath: string): Promise<number> {
  const times: number[] = [];
  const socket = createConnection(socketPath);
  await once(socket, 'connect');
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    socket.write('GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    times.push(performance.now() - begun);
  }
  socket.destroy();
  return median(times);
}
