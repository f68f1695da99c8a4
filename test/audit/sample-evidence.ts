// Evidence of a laboratory where all is well, and ways to spoil it.
import { auditRules, type Audit, type FindingCode } from '../../src/model/audit.ts';
import type { ProcessIsolation } from '../../src/model/isolation.ts';
import { judgeSite } from '../../src/plan/audit.ts';
import type { AuditEvidence, AuditGuest } from '../../src/plan/audit/evidence.ts';

export const now = Date.parse('2026-03-02T09:30:00Z');

function guest(index: number, name: string, more: Partial<AuditGuest>): AuditGuest {
  return {
    uid: `g${name}`,
    name,
    userId: 1_900_000_000 + index,
    running: true,
    zones: ['external'],
    labels: {},
    addresses: [],
    declared: [],
    ...more,
  };
}

const guests = [
  guest(0, 'app', { zones: ['internal'], addresses: ['10.20.0.10'], declared: ['tcp/80', 'tcp/27000'] }),
  guest(1, 'dns', { addresses: ['192.0.2.11', '2001:db8:1::11'], declared: ['tcp/22', 'udp/53', 'tcp/53'] }),
  guest(2, 'web', { addresses: ['192.0.2.10'], declared: ['tcp/22', 'tcp/80'], labels: { role: 'front' } }),
];

const listening = (...ports: [protocol: 'tcp' | 'udp', port: number, address?: string][]) => ({
  sockets: ports.map(([protocol, port, address = '0.0.0.0']) => ({ protocol, address, port })),
});

export function isolationOf({ uid, userId }: Pick<AuditGuest, 'uid' | 'userId'>): ProcessIsolation {
  const four = Array<number>(4).fill(userId);
  return {
    uid,
    pid: 4711,
    userIds: four,
    groupIds: four,
    supplementaryGroups: [],
    capabilities: [],
    noNewPrivileges: true,
    seccomp: 'filter',
    sharedNamespaces: [],
    interfaces: [],
    foreignMounts: [],
    writableMounts: [`/var/lib/caisson/guests/${uid}/root.qcow2`],
    limits: { memoryBytes: 640 * 1024 * 1024, pids: 256, cpuWeight: 100, ioWeight: 100 },
    coreDumps: false,
    kvm: true,
    mergeable: false,
  };
}

const flow = (from: string, to: string, allow: string[], comment?: string) => ({
  from,
  to,
  allow,
  text: `${from} → ${to}: ${allow.join(', ')}`,
  ...(comment === undefined ? {} : { comment }),
});

export function soundEvidence(change: Partial<AuditEvidence> = {}): AuditEvidence {
  return {
    site: 'lab',
    revision: 12,
    timezone: 'Europe/Paris',
    now,
    host: { name: 'rack1', version: '0.1.0', qemuVersion: '7.2.22', accelerator: 'kvm' },
    zones: [
      {
        name: 'external',
        subnets: ['192.0.2.0/24', '2001:db8:1::/64'],
        uplink: 'eth1',
        masquerade: false,
        bridged: false,
        guests: ['dns', 'web'],
      },
      { name: 'internal', subnets: ['10.20.0.0/16'], masquerade: false, bridged: false, guests: ['app'] },
    ],
    guests,
    flows: [
      flow('world', 'web', ['tcp/22', 'tcp/80']),
      flow('world', 'dns', ['tcp/22', 'udp/53', 'tcp/53', 'icmp']),
      flow('label:role=front', 'app', ['tcp/80', 'tcp/27000'], 'the only way in'),
    ],
    publications: [],
    isolation: {
      host: { kernel: '6.1.0-18-amd64', ksm: 'off', vulnerabilities: [], controllers: ['memory', 'cpu', 'pids', 'io'] },
      processes: guests.map(isolationOf),
    },
    sockets: new Map([
      ['app', listening(['tcp', 80], ['tcp', 27_000], ['tcp', 3306, '127.0.0.1'])],
      ['dns', listening(['tcp', 22], ['tcp', 53], ['udp', 53], ['udp', 53, '::'], ['udp', 41_234])],
      ['web', listening(['tcp', 22, '::'], ['tcp', 80], ['udp', 68], ['udp', 323, '::1'])],
    ]),
    otherTables: [],
    lastCheck: { ok: true, checkedAt: '2026-03-01T02:00:00.000Z', attempts: 240, differences: [], untold: [] },
    ...change,
  };
}

/** The laboratory with one guest changed. */
export function withGuest(name: string, change: Partial<AuditGuest>): AuditEvidence {
  return soundEvidence({ guests: guests.map((each) => (each.name === name ? { ...each, ...change } : each)) });
}

/** The laboratory with one process changed. */
export function withProcess(name: string, change: Partial<ProcessIsolation>): AuditEvidence {
  const { isolation, ...evidence } = soundEvidence();
  if ('unseen' in isolation) return soundEvidence();
  return {
    ...evidence,
    isolation: { ...isolation, processes: isolation.processes.map((each) => (each.uid === `g${name}` ? { ...each, ...change } : each)) },
  };
}

/** A laboratory in which much is wrong. */
export function poorEvidence(): AuditEvidence {
  const evidence = withProcess('web', { kvm: false, limits: { pids: 256 } });
  if ('unseen' in evidence.isolation) return evidence;
  return {
    ...evidence,
    host: { ...evidence.host, accelerator: 'tcg' },
    zones: evidence.zones.map((zone) => ({ ...zone, bridged: zone.name === 'internal', masquerade: zone.name === 'external' })),
    flows: [...evidence.flows, flow('all', 'all', ['tcp/1-65535'], '<script>alert("x")</script> | **bold** [link](javascript:x)')],
    publications: [
      { guest: 'web', protocol: 'tcp', ports: { from: 80, to: 80 }, from: ['198.51.100.0/24'], text: 'publish 203.0.113.1:80 → web:80' },
    ],
    isolation: { ...evidence.isolation, host: { ...evidence.isolation.host, vulnerabilities: ['spec_store_bypass: Vulnerable'] } },
    sockets: new Map([
      ...evidence.sockets,
      ['app', listening(['tcp', 80], ['tcp', 6379])],
      ['dns', { unseen: 'the guest agent did not answer <b>\u001b[2J' }],
    ]),
    lastCheck: {
      ok: false,
      checkedAt: '2026-02-01T02:00:00.000Z',
      attempts: 240,
      differences: ['dns → app tcp/22: open (≠ refused)'],
      untold: [],
    },
  };
}

/** Every finding of every rule. */
export function findingsOf(evidence: AuditEvidence): FindingCode[] {
  const { rules } = judgeSite(evidence);
  return auditRules.flatMap((rule) => rules[rule].findings.map(({ code }) => code));
}

export function audit(evidence: AuditEvidence): Audit {
  return judgeSite(evidence);
}
