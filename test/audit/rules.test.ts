// What each rule makes of the evidence: sound evidence holds, and every single thing that is spoilt is found and named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditSchema, type FindingCode, findingVerdicts, worstVerdict } from '../../src/model/audit.ts';
import type { AuditEvidence } from '../../src/plan/audit/evidence.ts';
import { audit, findingsOf, isolationOf, now, poorEvidence, soundEvidence, withGuest, withProcess } from './sample-evidence.ts';

test('a laboratory where all is well holds in every rule', () => {
  const found = audit(soundEvidence());
  assert.deepEqual(findingsOf(soundEvidence()), []);
  assert.equal(found.verdict, 'holds');
  assert.deepEqual(auditSchema.parse(found), found);
  auditSchema.parse(audit(poorEvidence()));
});

const sound = soundEvidence();
const [external, internal] = sound.zones as [(typeof sound.zones)[number], (typeof sound.zones)[number]];
const isolation = sound.isolation as Exclude<AuditEvidence['isolation'], { unseen: string }>;
const host = (change: Partial<typeof isolation.host>) =>
  soundEvidence({ isolation: { ...isolation, host: { ...isolation.host, ...change } } });
const sockets = (name: string, value: NonNullable<ReturnType<AuditEvidence['sockets']['get']>>) =>
  soundEvidence({ sockets: new Map([...sound.sockets, [name, value]]) });
const flows = (from: string, to: string, ...allow: string[]) =>
  soundEvidence({ flows: [...sound.flows, { from, to, allow, text: `${from} → ${to}: ${allow.join(', ')}` }] });
const check = (change: Partial<NonNullable<AuditEvidence['lastCheck']>>) =>
  soundEvidence({
    lastCheck: { ok: true, checkedAt: new Date(now - 1000).toISOString(), attempts: 9, differences: [], untold: [], ...change },
  });

const spoilt: [what: string, evidence: AuditEvidence, expected: FindingCode[]][] = [
  ['one zone', soundEvidence({ zones: [external] }), ['one-zone']],
  ['two zones that both lead outside', soundEvidence({ zones: [external, { ...internal, uplink: 'eth2' }] }), ['no-internal-zone']],
  [
    'two zones of which none leads outside',
    soundEvidence({
      zones: [{ name: 'external', subnets: ['192.0.2.0/24'], masquerade: false, bridged: false, guests: ['web'] }, internal],
    }),
    ['no-external-zone'],
  ],
  ['an internal zone without a guest', soundEvidence({ zones: [external, { ...internal, guests: [] }] }), ['nobody-internal']],
  ['a shared wire', soundEvidence({ zones: [external, { ...internal, bridged: true }] }), ['bridged-zone']],

  [
    'processes that cannot be looked at',
    soundEvidence({ isolation: { unseen: 'the helper is gone' } }),
    ['isolation-unseen', 'isolation-not-shown'],
  ],
  [
    'a guest without a process',
    soundEvidence({ isolation: { ...isolation, processes: isolation.processes.slice(1) } }),
    ['process-unseen', 'isolation-not-shown'],
  ],
  ['another user', withProcess('web', { userIds: [0, 0, 0, 0] }), ['wrong-user', 'isolation-not-held']],
  [
    'a way back to root',
    withProcess('web', { userIds: [1_900_000_002, 1_900_000_002, 0, 1_900_000_002] }),
    ['wrong-user', 'isolation-not-held'],
  ],
  ['a group of others', withProcess('web', { groupIds: [994, 994, 994, 994] }), ['wrong-user', 'isolation-not-held']],
  [
    'a user that two have',
    soundEvidence({
      isolation: { ...isolation, processes: [...isolation.processes, isolationOf({ uid: 'gother', userId: 1_900_000_002 })] },
    }),
    ['wrong-user', 'isolation-not-held'],
  ],
  ['a capability', withProcess('web', { capabilities: ['CapBnd 0000000000003000'] }), ['privileges', 'isolation-not-held']],
  ['a further group', withProcess('web', { supplementaryGroups: [4] }), ['privileges', 'isolation-not-held']],
  ['new privileges', withProcess('web', { noNewPrivileges: false }), ['privileges', 'isolation-not-held']],
  ['unfiltered system calls', withProcess('web', { seccomp: 'off' }), ['privileges', 'isolation-not-held']],
  ['a namespace of others', withProcess('web', { sharedNamespaces: ['net'] }), ['not-alone', 'isolation-not-held']],
  ['a network in sight', withProcess('web', { interfaces: ['eth0'] }), ['not-alone', 'isolation-not-held']],
  ['a foreign file', withProcess('web', { foreignMounts: ['/etc'] }), ['not-alone', 'isolation-not-held']],
  ['no limit of memory', withProcess('web', { limits: { pids: 9, cpuWeight: 100 } }), ['unlimited']],
  ['core files', withProcess('web', { coreDumps: true }), ['core-dumps']],
  ['emulation', withProcess('web', { kvm: false }), ['emulated']],
  ['a vulnerable processor', host({ vulnerabilities: ['meltdown: Vulnerable'] }), ['processor-weaknesses']],
  ['merging that nobody takes part in', host({ ksm: 'on' }), []],

  ['a guest that says nothing', sockets('web', { unseen: 'no agent' }), ['guest-unseen']],
  ['a guest that was not asked', soundEvidence({ sockets: new Map([...sound.sockets].slice(1)) }), ['guest-unseen']],
  [
    'a guest for nothing',
    { ...withGuest('app', { declared: [] }), sockets: new Map([...sound.sockets, ['app', { sockets: [] }]]) },
    ['nothing-declared'],
  ],
  [
    'a further program, kept in by the filter',
    sockets('app', {
      sockets: ['tcp', 'tcp', 'tcp'].map((_, index) => ({
        protocol: 'tcp',
        address: '0.0.0.0',
        port: [80, 27_000, 6379][index] as number,
      })),
    }),
    ['undeclared-listening'],
  ],
  ['a service that is not there', sockets('app', { sockets: [{ protocol: 'tcp', address: '::', port: 80 }] }), ['declared-silent']],
  [
    'a service for itself alone',
    sockets('app', {
      sockets: [
        { protocol: 'tcp', address: '::', port: 80 },
        { protocol: 'tcp', address: '127.0.0.1', port: 27_000 },
      ],
    }),
    ['declared-silent'],
  ],

  ['other rules', soundEvidence({ networkProblem: 'somebody flushed them' }), ['rules-not-in-force', 'filtering-not-held']],
  ['a check that failed', check({ ok: false, differences: ['web → app tcp/22: open'] }), ['check-failed', 'filtering-not-held']],
  ['a check that could not tell', check({ ok: false, untold: ['web → app tcp/22: unknown'] }), ['check-incomplete', 'filtering-not-shown']],
  ['a check of last month', check({ checkedAt: '2026-02-01T00:00:00.000Z' }), ['check-old']],
  [
    'another firewall in the guests’ network',
    soundEvidence({ otherTables: [{ name: 'inet firewalld', refuses: 'some' }] }),
    ['other-firewall'],
  ],
  ['a flow from all to all', flows('all', 'all', 'icmp'), ['wide-flow']],
  ['a flow of many ports', flows('web', 'app', 'tcp/1024-65535'), ['wide-flow', 'opened-undeclared']],

  ['a flow to more than the service', flows('web', 'app', 'tcp/22'), ['opened-undeclared']],
  ['a flow to all that is declared', flows('dns', 'app', 'tcp/80', 'tcp/27000'), []],
];

for (const [what, evidence, expected] of spoilt) {
  test(`${what}: ${expected.join(', ') || 'nothing to say against it'}`, () => {
    assert.deepEqual(findingsOf(evidence), expected);
    assert.equal(audit(evidence).verdict, worstVerdict(expected.map((code) => findingVerdicts[code])));
  });
}

test('no check at all, and no guest that runs, are not shown rather than held', () => {
  const { lastCheck: _, ...never } = soundEvidence();
  assert.deepEqual(findingsOf(never), ['never-checked', 'filtering-not-shown']);
  const stopped = soundEvidence({ guests: sound.guests.map((guest) => ({ ...guest, running: false })), sockets: new Map() });
  assert.deepEqual(findingsOf(stopped), ['no-guest-runs', 'no-guest-runs', 'isolation-not-shown']);
});

test('a program that nobody declared is broken where flows let others in to it', () => {
  const open = flows('dns', 'app', 'tcp/6379');
  const listening = { sockets: [80, 27_000, 6379].map((port) => ({ protocol: 'tcp' as const, address: '::', port })) };
  assert.deepEqual(findingsOf({ ...open, sockets: new Map([...open.sockets, ['app', listening]]) }), [
    'undeclared-reachable',
    'opened-undeclared',
  ]);
  // A publication is a way in as well.
  const published = sockets('app', listening);
  published.publications = [
    { guest: 'app', protocol: 'tcp', ports: { from: 6370, to: 6380 }, from: [], text: 'publish 203.0.113.1:6370-6380 → app:6370-6380' },
  ];
  assert.ok(findingsOf(published).includes('undeclared-reachable'));
});

test('merging of memory counts for those who take part, and for those of whom it is not known', () => {
  const merging = withProcess('web', { mergeable: true });
  merging.isolation = { ...(merging.isolation as typeof isolation), host: { ...isolation.host, ksm: 'on' } };
  const found = audit(merging).rules.isolation.findings;
  assert.deepEqual(
    found.map(({ code, about }) => [code, about]),
    [['shared-memory', ['web']]],
  );
});

test('every way to a service is told, and over which guests the world gets to each other one', () => {
  const { services, fromWorld } = audit(soundEvidence()).rules.reachability;
  assert.deepEqual(
    services.map(({ guest, port, from }) => `${guest} ${port}: ${from.join(' ')}`),
    [
      'app tcp/80: web',
      'app tcp/27000: web',
      'dns tcp/22: world',
      'dns udp/53: world',
      'dns tcp/53: world',
      'web tcp/22: world',
      'web tcp/80: world',
    ],
  );
  assert.deepEqual(fromWorld, [
    { guest: 'web', over: [] },
    { guest: 'dns', over: [] },
    { guest: 'app', over: ['web'] },
  ]);
});

test('the world enters a zone behind masquerading, and one without uplink, by no flow', () => {
  const behind = flows('world', 'app', 'tcp/80');
  behind.zones = [{ ...external, masquerade: true }, internal];
  assert.deepEqual(
    audit(behind).rules.reachability.services.filter(({ from }) => from.includes('world')),
    [],
  );
  const ranged = flows('198.51.100.0/24', 'web', 'tcp/22');
  assert.deepEqual(audit(ranged).rules.reachability.services.find(({ guest, port }) => guest === 'web' && port === 'tcp/22')?.from, [
    '198.51.100.0/24',
    'world',
  ]);
  const inside = flows('192.0.2.8/29', 'app', 'tcp/80');
  assert.deepEqual(audit(inside).rules.reachability.services.find(({ guest }) => guest === 'app')?.from, ['dns', 'web']);
});

test('a hundred guests that all reach each other are judged in less than a second', () => {
  const many = Array.from({ length: 100 }, (_, index) => ({
    ...(sound.guests[0] as (typeof sound.guests)[0]),
    name: `guest${index}`,
    uid: `g${index}`,
  }));
  const startedAt = performance.now();
  const { fromWorld } = audit({ ...flows('all', 'all', 'tcp/80', 'tcp/27000'), guests: many }).rules.reachability;
  assert.ok(performance.now() - startedAt < 1000);
  assert.equal(fromWorld.length, 0);
});
