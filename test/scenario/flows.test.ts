// Questions about flows, answered by the site's flows and, beside them, by the rules in force.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';

const text = `
version: 1
site: lab
zones:
  external:
    subnets: [192.0.2.0/24, '2001:db8:1::/64']
    uplink: { interface: eth1, gateway: 192.0.2.1 }
    publish: [{ listen: '198.51.100.9:8000-8010', to: 'web:9000' }]
  internal: { subnets: [10.20.0.0/16, 'fd20::/64'] }
flows:
  - { from: world, to: web, allow: [tcp/80], comment: the web site }
  - { from: 'zone:external', to: database, allow: [tcp/3306], rate: 10/second }
  - { from: 203.0.113.0/24, to: 'label:role=store', allow: [tcp/22, icmp] }
guests:
  database: { image: debian-12, zone: internal, labels: { role: store }, memory: 128MiB, disks: { root: 2GiB } }
  web: { image: debian-12, zone: external, memory: 128MiB, disks: { root: 2GiB } }
`;

describe('questions about flows', () => {
  const world = createSimulatedWorld();
  let daemon: SimulatedDaemon;
  const ask = async (from: string, to: string, port: string) => {
    const { ways, ...answer } = await daemon.engine.flows.explain({ from, to, port });
    return { ...answer, ways, first: ways[0] };
  };

  before(async () => {
    daemon = await startSimulatedDaemon({ world, bootMs: 5 });
    const parsed = parseSiteFile(text, () => undefined);
    assert.ok('site' in parsed);
    const job = await daemon.engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
    assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
  });
  after(() => daemon.close());

  test('the flow that allows it is named, in both families', async () => {
    const { ways, differs } = await ask('web', 'database', 'tcp/3306');
    assert.deepEqual(
      ways.map(({ decided, flow }) => [decided, flow]),
      [
        ['open', 'zone:external → database: tcp/3306'],
        ['open', 'zone:external → database: tcp/3306'],
      ],
    );
    assert.match(ways[0]?.why ?? '', /at most 10 new connections a second/);
    assert.equal(differs, false);
  });

  test('a guest of a zone that no flow names is meant by its zone', async () => {
    assert.equal((await ask('zone:external', 'database', 'tcp/3306')).first?.decided, 'open');
    assert.equal((await ask('internal', 'database', 'tcp/3306')).first?.decided, 'refused');
  });

  test('why nothing passes is said', async () => {
    for (const [from, to, port, why] of [
      ['database', 'web', 'tcp/80', /No flow of the site file allows tcp\/80 from database to web/],
      ['web', 'database', 'tcp/22', /between them there is only “zone:external → database: tcp\/3306”/],
      ['database', 'world', 'tcp/25', /in zone internal, which has no uplink/],
      ['10.20.0.99', 'database', 'tcp/3306', /from inside is dropped before anything else/],
      ['web', '10.20.0.99', 'tcp/3306', /nobody’s/],
      ['world', 'host', 'tcp/22', /Nothing from outside reaches the addresses that the host has/],
    ] as const) {
      const { first } = await ask(from, to, port);
      assert.equal(first?.decided, 'refused', `${from} → ${to}`);
      assert.match(first?.why ?? '', why);
    }
  });

  test('a port of a published range is open, the next one is not', async () => {
    const open = await ask('world', '198.51.100.9', 'tcp/8010');
    assert.equal(open.first?.decided, 'open');
    assert.match(open.first?.why ?? '', /published: “tcp 198\.51\.100\.9:8000-8010 → web:9000-9010”/);
    const refused = await ask('world', '198.51.100.9', 'tcp/8011');
    assert.equal(refused.first?.decided, 'refused');
    assert.match(refused.first?.why ?? '', /Only other ports are published there: “tcp 198\.51\.100\.9:8000-8010/);
  });

  test('what is asked for must be a port and an end', async () => {
    await assert.rejects(ask('web', 'database', 'http'), { code: 'invalid', message: /no port/ });
    await assert.rejects(ask('web', 'nobody', 'tcp/80'), { code: 'not-found', message: /“nobody” \(to\)/ });
    await assert.rejects(ask('192.0.2.77', 'fd20::5', 'tcp/80'), { code: 'invalid', message: /one family/ });
  });

  test('rules in force that do something else are warned of, with the rule', async () => {
    const drop = { family: 'inet', table: 'caisson', chain: 'c', handle: 5, expr: [{ drop: null }] };
    const chain = { family: 'inet', table: 'caisson', name: 'c', type: 'filter', hook: 'prerouting', prio: -450, policy: 'accept' };
    world.network.tellRules(JSON.stringify({ nftables: [{ chain }, { rule: drop }] }));
    const { first, differs } = await ask('web', 'database', 'tcp/3306');
    assert.equal(differs, true);
    assert.deepEqual([first?.decided, first?.rules?.decided], ['open', 'refused']);
    assert.match(first?.rules?.rule ?? '', /inet caisson c \(handle 5\): drop/);
    assert.equal((await ask('database', 'web', 'tcp/22')).differs, false);
  });

  test('who can reach a guest, on which ports and by which flow', () => {
    assert.deepEqual(daemon.engine.flows.visitors('database'), [
      { from: 'web', ports: ['tcp/3306'], by: 'zone:external → database: tcp/3306' },
      { from: '203.0.113.0/24', ports: ['tcp/22', 'icmp'], by: '203.0.113.0/24 → label:role=store: tcp/22, icmp' },
      { from: 'host', ports: ['everything'], by: 'the host may reach every guest' },
    ]);
    assert.deepEqual(
      daemon.engine.flows.visitors('web').map(({ from, ports }) => `${from} ${ports.join(' ')}`),
      ['world tcp/80', 'world tcp/8000-8010 at 198.51.100.9', 'host everything'],
    );
    assert.throws(() => daemon.engine.flows.visitors('nobody'), { code: 'not-found' });
  });

  test('every flow is listed with the guests that it stands for', () => {
    assert.deepEqual(
      daemon.engine.flows.list().map(({ sources, targets }) => [sources, targets]),
      [
        [[], ['web']],
        [['web'], ['database']],
        [[], ['database']],
      ],
    );
  });
});
