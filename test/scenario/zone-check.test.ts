// The check must be able to fail: guests that reach what they should not, or do not reach what they should, a blind control.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { ZoneCheck } from '../../src/model/zone-check.ts';
import { isAllowed } from '../../src/plan/reachability.ts';

const text = `
version: 1
site: lab
zones: { internal: { subnets: [10.20.0.0/16] } }
flows: [{ from: web, to: database, allow: [tcp/3306, udp/53] }]
guests:
  database: { image: debian-12, zone: internal, addresses: [10.20.0.10], memory: 128MiB, disks: { root: 2GiB }, service: { ports: [tcp/3306] } }
  web: { image: debian-12, zone: internal, addresses: [10.20.0.11], memory: 128MiB, disks: { root: 2GiB } }
`;

type Verdict = 'open' | 'refused' | 'silent';

/** Guests whose probes see what `see` says; by default what the network in force allows. */
async function check(see: (state: NetworkState, from: string, to: string, port: string) => Verdict | undefined): Promise<ZoneCheck> {
  const world = createSimulatedWorld();
  let inForce: NetworkState | undefined;
  const { network } = world;
  const apply = network.apply.bind(network);
  network.apply = async (state) => {
    await apply(state);
    inForce = state;
  };
  const daemon: SimulatedDaemon = await startSimulatedDaemon({ world, bootMs: 5 });
  try {
    const parsed = parseSiteFile(text, () => undefined);
    assert.ok('site' in parsed);
    const applied = await daemon.engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
    assert.equal((await daemon.engine.jobs.wait(applied.uid)).state, 'succeeded');
    for (const guest of daemon.engine.guests()) {
      const from = guest.status.nics[0]?.addresses[0] as string;
      world.host.behave(guest.uid, {
        exec(argv, stdin) {
          assert.equal(argv[0], '/usr/bin/perl');
          const lines = stdin
            .trim()
            .split('\n')
            .map((line, index) => {
              const [protocol, address, port] = line.split(' ') as ['tcp' | 'udp', string, string];
              const state = inForce as NetworkState;
              const allowed = isAllowed(state, {
                from: { kind: 'guest', address: from },
                to: { address },
                protocol,
                port: Number(port),
              }).allowed;
              const verdict = see(state, from, address, `${protocol}/${port}`) ?? (allowed ? 'open' : 'refused');
              return `${index} ${verdict === 'silent' ? 'refused' : verdict} ${from} ${verdict === 'silent' ? 'no answer' : 'said'}`;
            });
          return { code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' };
        },
      });
    }
    const job = await daemon.engine.checkZones({}, 'test');
    const ended = await daemon.engine.jobs.wait(job.uid);
    assert.equal(ended.state, 'succeeded', ended.error?.message);
    return ended.result as ZoneCheck;
  } finally {
    await daemon.close();
  }
}

test('a filtering that is as the flows say passes, and the control was seen open and closed again', async () => {
  const result = await check(() => undefined);
  assert.equal(result.ok, true);
  assert.deepEqual(result.control && [result.control.sawItOpen, result.control.sawItClosedAgain], [true, true]);
  const line = result.checks.find(({ from, to, port }) => from === 'web' && to === 'database' && port === 'tcp/3306');
  assert.deepEqual([line?.expected, line?.got], ['open', 'open']);
  assert.ok(
    result.checks.some(
      ({ from, to, port, expected }) => from === 'database' && to === 'web' && port === 'tcp/22' && expected === 'refused',
    ),
  );
});

test('a way that is open and should not be fails the check', async () => {
  const result = await check((_, from, to, port) =>
    from === '10.20.0.10' && to === '10.20.0.11' && port === 'tcp/22' ? 'open' : undefined,
  );
  assert.equal(result.ok, false);
  assert.deepEqual(
    result.checks.filter(({ expected, got }) => expected !== got).map(({ from, to, port }) => [from, to, port]),
    [['database', 'web', 'tcp/22']],
  );
});

test('a way that should be open and is not fails the check', async () => {
  const result = await check((_, _from, _to, port) => (port === 'tcp/3306' ? 'refused' : undefined));
  assert.equal(result.ok, false);
});

test('a datagram that is allowed and not answered proves nothing, and fails nothing', async () => {
  const result = await check((_, from, _to, port) => (port === 'udp/53' && from === '10.20.0.11' ? 'silent' : undefined));
  assert.equal(result.ok, true);
  assert.ok(result.checks.some(({ got, port }) => got === 'unknown' && port === 'udp/53'));
});

test('a check that does not see the control open is not a proof', async () => {
  const result = await check((state, _from, _to, _port) =>
    state.flows.some((flow) => flow.text.startsWith('control')) ? 'refused' : undefined,
  );
  assert.equal(result.ok, false);
  assert.equal(result.control?.sawItOpen, false);
});
