// The check must be able to fail: guests that reach what they should not, or do not reach what they should, a blind control.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '../../src/lib/errors.ts';
import type { FakeNetwork } from '../../src/drivers/fake/network.ts';
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

const twoZones = `
version: 1
site: lab
zones: { one: { subnets: [10.1.0.0/24, 'fd01::/64'] }, two: { subnets: [10.2.0.0/29, 'fd02::/64'] } }
flows: [{ from: 'zone:two', to: 'zone:one', allow: [tcp/8080] }]
guests:
  web: { image: debian-12, zone: one, memory: 128MiB, disks: { root: 2GiB } }
  small: { image: debian-12, zone: two, memory: 128MiB, disks: { root: 2GiB } }
`;

type Verdict = 'open' | 'refused' | 'silent';

interface Trial {
  /** What a guest finds; by default what the network in force allows. */
  see?: (state: NetworkState, from: string, to: string, port: string) => Verdict | undefined;
  /** Of the daemon and what it stands on, before the check. */
  prepare?: (daemon: SimulatedDaemon, network: FakeNetwork) => void;
  options?: { rulesOnly?: boolean };
  site?: string;
}

async function check(trial: Trial['see'] | Trial): Promise<ZoneCheck> {
  const { see = () => undefined, prepare, site = text, options = {} } = typeof trial === 'function' ? { see: trial } : (trial ?? {});
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
    const parsed = parseSiteFile(site, () => undefined);
    assert.ok('site' in parsed);
    const applied = await daemon.engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
    assert.equal((await daemon.engine.jobs.wait(applied.uid)).state, 'succeeded');
    for (const guest of daemon.engine.guests()) {
      const own = guest.status.nics[0]?.addresses ?? [];
      world.host.behave(guest.uid, {
        exec(argv, stdin) {
          assert.equal(argv[0], '/usr/bin/perl');
          const lines = stdin
            .trim()
            .split('\n')
            .map((line, index) => {
              const [protocol, address, port] = line.split(' ') as ['tcp' | 'udp', string, string];
              const state = inForce as NetworkState;
              const from = own.find((one) => one.includes(':') === address.includes(':')) as string;
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
    const guestNics = network.state?.nics;
    prepare?.(daemon, network);
    const job = await daemon.engine.checkZones(options, 'test');
    const ended = await daemon.engine.jobs.wait(job.uid);
    assert.equal(ended.state, 'succeeded', ended.error?.message);
    // Whatever was found, nothing of the probes stays.
    assert.equal(daemon.prober.open.size, 0);
    assert.deepEqual(network.state?.nics, guestNics);
    assert.deepEqual(
      network.state?.flows.filter((flow) => flow.text.startsWith('control')),
      [],
    );
    assert.deepEqual((await network.observe()).taps, guestNics?.map(({ tap }) => tap).toSorted());
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

test('a probe in each zone tries both ways what no flow names, in both families', async () => {
  const result = await check({ site: twoZones });
  assert.equal(result.ok, true);
  const tried = new Set(result.checks.map(({ from, to, address }) => `${from} ${to} ${address.includes(':') ? 6 : 4}`));
  for (const way of [
    'zone:one web',
    'zone:two web',
    'web zone:one',
    'web zone:two',
    'zone:one zone:two',
    'zone:two zone:one',
    'zone:one host',
  ])
    for (const family of [4, 6]) assert.ok(tried.has(`${way} ${family}`), `${way} ${family}`);
  const open = result.checks.filter(({ from, to, got }) => from.startsWith('zone:') && to.startsWith('zone:') && got === 'open');
  // `zone:two → zone:one` is a flow of theirs too.
  assert.deepEqual([...new Set(open.map(({ from, to, port }) => `${from} ${to} ${port}`))], ['zone:two zone:one tcp/8080']);
});

test('a probe that reaches what it should not fails the check', async () => {
  const result = await check({
    prepare({ prober }) {
      const openProbe = prober.openProbe.bind(prober);
      prober.openProbe = async (plug) => {
        const probe = await openProbe(plug);
        return {
          ...probe,
          reach: async (targets) =>
            (await probe.reach(targets)).map((found, index) =>
              targets[index]?.address === '10.20.0.10' && targets[index].port === 22 ? { ...found, got: 'open' } : found,
            ),
        };
      };
    },
  });
  assert.equal(result.ok, false);
  const wrong = result.checks.filter(({ expected, got }) => expected !== got);
  assert.deepEqual(
    wrong.map(({ from, to, port, expected }) => [from, to, port, expected]),
    [['zone:internal', 'database', 'tcp/22', 'refused']],
  );
});

test('an address that somebody on the wire has is left to him; a zone without any is told', async () => {
  const asked: string[] = [];
  const refuse = (most: number) => (daemon: SimulatedDaemon) => {
    daemon.prober.failOpen = ({ addresses }) => {
      asked.push(...addresses);
      return asked.length <= most ? new CaissonError('conflict', 'somebody has it') : undefined;
    };
  };
  assert.equal((await check({ prepare: refuse(2) })).untried.length, 0);
  assert.equal(new Set(asked).size, 3);
  const { untried, ok } = await check({ prepare: refuse(100) });
  assert.deepEqual(untried, [{ from: 'zone:internal', why: 'somebody has it' }]);
  assert.equal(ok, true);
});

test('a guest that cannot try is told, and nothing tried at all proves nothing', async () => {
  const mute = (daemon: SimulatedDaemon, name: string) => {
    const uid = daemon.engine.guests().find((guest) => guest.name === name)?.uid ?? '';
    daemon.world.host.behave(uid, {
      exec() {
        throw new CaissonError('unavailable', 'the guest has no agent channel');
      },
    });
  };
  const one = await check({ prepare: (daemon) => mute(daemon, 'database') });
  assert.deepEqual(
    one.untried.map(({ from }) => from),
    ['database'],
  );
  assert.equal(one.ok, true);
  const none = await check({
    prepare(daemon) {
      mute(daemon, 'database');
      mute(daemon, 'web');
      daemon.prober.failOpen = () => new CaissonError('failed', 'no network namespace');
    },
  });
  assert.deepEqual([none.ok, none.checks.length, none.untried.length], [false, 0, 3]);
});

test('a guest whose agent did not answer in time is asked again, once', async () => {
  let times = 0;
  const silentTwice = (most: number) => (daemon: SimulatedDaemon) => {
    times = 0;
    const uid = daemon.engine.guests().find((guest) => guest.name === 'web')?.uid ?? '';
    const before = daemon.world.host.behaviour(uid);
    daemon.world.host.behave(uid, {
      exec(argv, stdin) {
        if (times++ < most) throw new CaissonError('timeout', 'the guest agent: no answer within 30000 ms');
        return before.exec(argv, stdin);
      },
    });
  };
  const late = await check({ prepare: silentTwice(1) });
  assert.deepEqual([late.ok, late.untried.length], [true, 0]);
  const never = await check({ prepare: silentTwice(100) });
  assert.deepEqual(
    never.untried.map(({ from }) => from),
    ['web'],
  );
  assert.equal(times, 2);
});

test('a way that was open once and should not be is tried many times more, and told', async () => {
  const openAt = (isOpen: (time: number) => boolean) => {
    let times = 0;
    return check((_, from, to, port) =>
      from === '10.20.0.10' && to === '10.20.0.11' && port === 'tcp/22' && isOpen(times++) ? 'open' : undefined,
    );
  };
  const line = ({ checks }: ZoneCheck) => checks.find(({ from, to, port }) => from === 'database' && to === 'web' && port === 'tcp/22');
  const once = await openAt((time) => time === 0);
  assert.equal(once.ok, true);
  assert.match(line(once)?.detail ?? '', /open once, then 20 times not/);
  const again = await openAt((time) => time === 0 || time === 17);
  assert.deepEqual([again.ok, line(again)?.got], [false, 'open']);
});

test('a guest that was late once is asked again', async () => {
  let times = 0;
  const result = await check((_, _from, _to, port) =>
    port === 'tcp/3306' && _from === '10.20.0.11' && times++ === 0 ? 'refused' : undefined,
  );
  assert.equal(result.ok, true);
});

test('a network without a kernel says so, and is judged by what is tried alone', async () => {
  const result = await check(() => undefined);
  assert.equal(result.rules, undefined);
  assert.match(result.withoutRules ?? '', /no kernel/);
  const nothing = await check({ options: { rulesOnly: true } });
  assert.deepEqual([nothing.ok, nothing.checks], [false, []]);
});

test('rules in force that are not as the flows say fail the check, whatever is tried', async () => {
  const empty = JSON.stringify({ nftables: [] });
  const result = await check({ prepare: (_daemon, network) => network.tellRules(empty) });
  assert.equal(result.ok, false);
  assert.ok(result.checks.every(({ expected, got }) => expected === got));
  const { rules } = result;
  assert.equal(rules?.ok, false);
  // Without rules nothing is marked as seen, and so not routed; who sends what to the host is not looked at.
  assert.ok(
    rules?.differences.some(
      ({ from, to, decided, expected }) => from === 'web' && to === 'database' && expected === 'open' && decided === 'refused',
    ),
  );
  assert.ok(rules?.differences.some(({ about, decided }) => about === 'sender' && decided === 'open'));
});

test('rules that cannot be decided fail the check', async () => {
  const chain = { family: 'inet', table: 'other', name: 'c', type: 'filter', hook: 'prerouting', prio: -500, policy: 'accept' };
  const rule = { family: 'inet', table: 'other', chain: 'c', handle: 7, expr: [{ xt: { type: 'match', name: 'u32' } }, { drop: null }] };
  const strange = JSON.stringify({ nftables: [{ chain }, { rule }] });
  const result = await check({ options: { rulesOnly: true }, prepare: (_daemon, network) => network.tellRules(strange) });
  assert.equal(result.ok, false);
  const undecided = result.rules?.differences.find(({ decided }) => decided === 'undecided');
  assert.match(undecided?.why ?? '', /not understood/);
  assert.match(undecided?.rule ?? '', /inet other c \(handle 7\)/);
});
