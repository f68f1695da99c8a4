// e2e: limit 10 min, long 120 min
// The rules in force, read back from the kernel and decided: they are what the flows say, they do what the kernel does with real packets,
// and a fault in them is found, whichever it is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { checkRules } from '../../src/plan/rules/check-rules.ts';
import type { NetworkEnd, NetworkNic, NetworkService, NetworkState } from '../../src/model/network-state.ts';
import { type End, isAllowed } from '../../src/plan/reachability.ts';
import { WayDecider } from '../../src/plan/rules/decide-way.ts';
import { arbitraryNetwork } from '../network/arbitrary-network.ts';
import { exampleNetwork } from '../network/example-network.ts';
import type { Probe, ProbeResult } from '../network/inside.ts';
import { hostOnWire, kindsNics, kindsOfZones } from '../network/kinds-of-zones.ts';
import { mutateRules } from '../network/mutate-rules.ts';
import { findDifferentPacket } from '../network/packets-differ.ts';
import { RealNetwork, world } from '../network/real-network.ts';
import { networkOf } from '../network/site-network.ts';
import { decideEarlier, decideNew, decideProbe } from '../network/decide-probe.ts';

/** Of all faults as many as there is time for; `--long` tries each. */
const isLong = process.env['CAISSON_TEST_LONG'] === '1';
const everyNth = isLong ? 1 : 45;
const seed = 20_261_128;

const reached = (result: ProbeResult) => result === 'open' || result === 'closed';
const ends = (nic: NetworkNic): NetworkEnd => ({
  kind: 'addresses',
  cidrs: nic.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
});

describe('rules in force', () => {
  const real = new RealNetwork('inforce');
  const read = async (): Promise<string> => (await real.helper.rulesRead({})).json ?? '';
  let kinds = '';

  before(async () => {
    await real.open();
    await real.ip(
      real.guestsNetwork,
      'link set eth1 up',
      `address add ${hostOnWire.own}/24 dev eth1`,
      `address add ${hostOnWire.own6}/64 dev eth1 nodad`,
    );
    for (const nic of kindsOfZones.nics) await real.plug(nic, kindsOfZones);
    await real.network.apply(kindsOfZones);
    for (const nic of kindsOfZones.nics) await real.network.connect(nic.tap);
    kinds = await read();
  });
  after(() => real.close());

  test('of every kind of zone are decided to be what the flows say', () => {
    const { ok, differences, trials } = checkRules(kinds, kindsOfZones);
    assert.deepEqual(differences, []);
    assert.equal(ok, true);
    assert.ok(trials > 3000, String(trials));
  });

  test('answer one question at a time as the flows do', () => {
    const decider = new WayDecider(kinds, kindsOfZones);
    const guests = kindsOfZones.nics.flatMap(({ addresses }) => addresses);
    const froms: End[] = [
      ...guests.map((address): End => ({ kind: 'guest', address })),
      { kind: 'world', address: world.far },
      { kind: 'world', address: world.far6 },
    ];
    const tos = [...guests, '10.30.0.1', 'fd40::1', world.far, world.far6, hostOnWire.taken];
    let open = 0;
    for (const from of froms) {
      for (const to of tos.filter((address) => address.includes(':') === from.address.includes(':') && address !== from.address)) {
        for (const [protocol, port] of [
          ['tcp', 80],
          ['tcp', 443],
          ['tcp', 631],
          ['udp', 53],
          ['udp', 5353],
          ['icmp', 0],
        ] as const) {
          const service: NetworkService = protocol === 'icmp' ? { protocol } : { protocol, ports: { from: port, to: port } };
          const { allowed } = isAllowed(kindsOfZones, { from, to: { address: to }, protocol, port });
          const decided = decider.decide(from, to, service);
          assert.equal(decided?.decided, allowed ? 'open' : 'refused', `${from.address} → ${to} ${protocol}/${port}: ${decided?.rule}`);
          if (allowed) open++;
        }
      }
    }
    assert.ok(open > 30, String(open));
  });

  test('do with real packets what is decided', async () => {
    const servers = kindsOfZones.nics.filter(({ guestName }) => guestName !== 'lonely');
    for (const nic of servers)
      for (const port of [22, 53, 80, 443, 631, 2022, 8005, 8443, 9001, 9100]) await real.ask(real.guestOf(nic), { do: 'listen', port });
    let tried = 0;
    let open = 0;
    const compare = async (nic: NetworkNic | undefined, probes: Probe[]) => {
      const where = nic ? real.guestOf(nic) : real.worldNetwork;
      const results = await real.ask<ProbeResult[]>(where, { do: 'probe', probes, timeoutMs: 900 });
      for (const [at, probe] of probes.entries()) {
        const decided = decideProbe(kinds, kindsOfZones, nic, probe);
        if (decided === 'undecided') assert.fail(`${nic?.guestName ?? 'world'} → ${probe.to} is undecided`);
        assert.equal(reached(results[at] as ProbeResult), decided === 'open', `${nic?.guestName ?? 'world'} → ${JSON.stringify(probe)}`);
        tried++;
        if (decided === 'open') open++;
      }
    };
    const ports = [22, 25, 80, 443, 631, 7001, 8005, 8011, 8443, 9001, 9100];
    const to = (addresses: string[], ofFamily: string): Probe[] =>
      addresses
        .filter((address) => address.includes(':') === ofFamily.includes(':'))
        .flatMap((address) => [
          ...ports.map((port): Probe => ({ protocol: 'tcp', to: address, port })),
          { protocol: 'icmp', to: address, port: 0 },
        ]);
    for (const nic of kindsOfZones.nics) {
      const others = kindsOfZones.nics.filter((other) => other !== nic).flatMap(({ addresses }) => addresses);
      for (const own of nic.addresses)
        await compare(nic, to([...others, '10.30.0.1', '10.40.0.1', 'fd40::1', world.far, world.far6, '10.40.0.99'], own));
    }
    await real.routeWorldVia(hostOnWire.own, '10.30.0.0/24');
    await real.routeWorldVia(hostOnWire.own, '10.40.0.0/24');
    const inside = ['192.0.2.30', '10.30.0.5', '10.40.0.5', hostOnWire.taken];
    // Not port 80 of the guest with a rate: it is for the last test.
    const asWorld = to(inside, '.').filter(({ to: address, port }) => address !== '192.0.2.30' || port !== 80);
    for (const from of [world.far, world.elsewhere])
      await compare(
        undefined,
        asWorld.map((probe) => ({ ...probe, from })),
      );
    await compare(
      undefined,
      [2222, 2223].map((port): Probe => ({ protocol: 'tcp', to: hostOnWire.taken, port, from: world.far })),
    );
    await compare(
      undefined,
      [2222].map((port): Probe => ({ protocol: 'tcp', to: hostOnWire.taken, port, from: world.elsewhere })),
    );
    assert.ok(tried > 400 && open > 20, `${tried} tried, ${open} open`);
  });

  test('let a flow’s rate pass and no more, as is decided', async () => {
    const { front } = kindsNics;
    const question = { from: { kind: 'world' as const, address: world.wire }, to: '192.0.2.30', port: 80 };
    assert.deepEqual(
      ['flow', undefined].map((flood) => decideNew(kinds, kindsOfZones, question, flood as 'flow' | undefined)),
      ['refused', 'open'],
    );
    const probe: Probe = { protocol: 'tcp', to: '192.0.2.30', port: 80 };
    const results: ProbeResult[] = [];
    for (let round = 0; round < 7; round++) results.push(await real.probe(real.worldNetwork, probe, 700));
    assert.deepEqual(results.map(reached), [true, true, true, true, true, false, false], front.guestName);
  });

  test('end a connection whose flow is taken back, and let others go on, as is decided', async () => {
    const { left, desk } = kindsNics;
    await real.ask(real.guestOf(desk), { do: 'listen', port: 632 });
    const wider: NetworkState = {
      ...kindsOfZones,
      flows: [
        ...kindsOfZones.flows,
        { from: ends(left), to: ends(desk), services: [{ protocol: 'tcp', ports: { from: 632, to: 632 } }], text: 'for now' },
      ],
    };
    await real.network.apply(wider);
    for (const port of [631, 632]) await real.ask(real.guestOf(left), { do: 'open', key: String(port), to: '10.30.0.5', port });
    const say = (port: number, timeoutMs: number) =>
      real.ask<string>(real.guestOf(left), { do: 'say', key: String(port), text: 'still ', timeoutMs });
    for (const port of [631, 632]) assert.equal(await say(port, 2000), 'still ');
    await real.network.apply(kindsOfZones);
    const now = await read();
    // Both carry the mark of the rules before.
    for (const [port, goesOn] of [
      [631, true],
      [632, false],
    ] as const) {
      assert.equal(decideEarlier(now, kindsOfZones, left, '10.30.0.5', port), goesOn ? 'open' : 'refused');
      assert.equal((await say(port, goesOn ? 3000 : 700)) !== 'silent', goesOn, String(port));
    }
  });

  test('of random networks are decided to be what the flows say', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryNetwork, async (state) => {
        await real.network.apply(state);
        assert.deepEqual(checkRules(await read(), state).differences, []);
      }),
      { numRuns: isLong ? 60 : 6, seed },
    );
  });

  test('of the site that the README shows are decided to be what the flows say', async () => {
    const { state } = networkOf(readFileSync(join(import.meta.dirname, '../../examples/lab/site.yaml'), 'utf8'));
    await real.network.apply(state);
    assert.deepEqual(checkRules(await read(), state).differences, []);
  });

  for (const [name, state] of [
    ['kinds of zones', kindsOfZones],
    ['a small laboratory', exampleNetwork],
  ] as [string, NetworkState][]) {
    test(`of ${name}: every fault that changes what passes is found`, async () => {
      await real.network.apply(state);
      const json = await read();
      assert.deepEqual(checkRules(json, state).differences, []);
      let found = 0;
      const neutral: string[] = [];
      const missed: string[] = [];
      for (const [index, { what, json: mutated }] of [...mutateRules(json)].entries()) {
        if ((index + seed) % everyNth !== 0) continue;
        if (!checkRules(mutated, state, { enough: 1 }).ok) found++;
        else if (findDifferentPacket(json, mutated, state, { tries: isLong ? 20_000 : 8000, seed })) missed.push(what);
        else neutral.push(what);
      }
      assert.deepEqual(missed, []);
      assert.ok(found > neutral.length, `${found} found, ${neutral.length} change nothing`);
    });
  }
});
