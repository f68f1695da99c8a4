import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { run } from './exec.ts';
import { parseProbeOutput, probeInput, probeScript } from './probe-script.ts';

test('a connection and a refusal by the destination itself count as reached, silence does not', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const targets = [
    { protocol: 'tcp', address: '127.0.0.1', port },
    { protocol: 'tcp', address: '127.0.0.1', port: 9 },
    { protocol: 'udp', address: '127.0.0.1', port: 9 },
    { protocol: 'tcp', address: '::1', port: 9 },
    // Nobody may send to it: the kernel says “permission denied”, as for an administratively prohibited way.
    { protocol: 'tcp', address: '255.255.255.255', port: 9 },
  ] as const;
  const { stdout } = await run(['perl', '-e', probeScript, '1'], { input: probeInput(targets) });
  assert.deepEqual(
    parseProbeOutput(stdout, targets.length).map(({ got }) => got),
    ['open', 'open', 'open', 'open', 'refused'],
  );
});

test('output that misses a target is an error, never a guess', () => {
  assert.throws(() => parseProbeOutput('0 open 127.0.0.1 connected\n', 2), /nothing about its target number 2 of 2/);
  assert.throws(() => parseProbeOutput('rubbish', 1), /number 1 of 1/);
});
