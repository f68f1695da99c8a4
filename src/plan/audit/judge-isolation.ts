// Second rule: watertight machines. Each guest's process is its own user without privileges, sees its own files and sockets, no network
// and nobody else, and can take no more than its share. Pure.
import type { Audit, AuditFinding } from '../../model/audit.ts';
import type { HostIsolation, ProcessIsolation } from '../../model/isolation.ts';
import type { AuditEvidence } from './evidence.ts';
import { finding, findingFor, judged } from './finding.ts';

interface Seen extends ProcessIsolation {
  name: string;
  userId: number;
}

export function judgeIsolation({
  isolation,
  guests,
  host,
}: Pick<AuditEvidence, 'isolation' | 'guests' | 'host'>): Audit['rules']['isolation'] {
  const running = guests.filter((guest) => guest.running);
  if ('unseen' in isolation) return { ...judged([finding('isolation-unseen', [], [isolation.unseen])]), guests: [] };
  const byUid = new Map(isolation.processes.map((process) => [process.uid, process]));
  const guestsSeen = running.flatMap(({ uid, name, userId }) => {
    const process = byUid.get(uid);
    return process ? [{ name, userId, process }] : [];
  });
  const seen = guestsSeen.map(({ name, userId, process }): Seen => ({ ...process, name, userId }));
  const findings = [
    ...(running.length === 0 ? [finding('no-guest-runs')] : []),
    ...findingFor('process-unseen', running, ({ uid }) => (byUid.has(uid) ? undefined : [])),
    ...findingFor('wrong-user', seen, wrongUser(isolation.processes)),
    ...findingFor('privileges', seen, privileges),
    ...findingFor('not-alone', seen, company),
    ...findingFor('unlimited', seen, missingLimits),
    ...findingFor('core-dumps', seen, ({ coreDumps }) => (coreDumps ? [] : undefined)),
    ...findingFor('emulated', seen, ({ kvm }) => (kvm ? undefined : [])),
    ...hostFindings(isolation.host, seen),
  ];
  // Nobody runs: what guests would run on is known all the same.
  if (running.length === 0 && host.accelerator === 'tcg') findings.push(finding('emulated'));
  return {
    ...judged(findings),
    host: isolation.host,
    guests: guestsSeen.map(({ name, process }) => ({ name, process })),
  };
}

/** The one that it was given, for itself alone: two processes of one user can read each other's memory. */
function wrongUser(processes: readonly ProcessIsolation[]) {
  return ({ uid, userId, userIds, groupIds }: Seen): string[] | undefined => {
    const own = [...userIds, ...groupIds];
    if (own.length === 0 || own.some((id) => id !== userId))
      return [`user ${userIds.join(' ')}, group ${groupIds.join(' ')}; ${userId} was given`];
    const others = processes.filter((other) => other.uid !== uid && other.userIds.includes(userId));
    return others.length > 0 ? [`user ${userId} is also ${others.map((other) => other.uid).join(', ')}`] : undefined;
  };
}

function privileges({ capabilities, supplementaryGroups, noNewPrivileges, seccomp }: Seen): string[] | undefined {
  const found = [
    ...capabilities,
    ...(supplementaryGroups.length > 0 ? [`groups ${supplementaryGroups.join(' ')}`] : []),
    ...(noNewPrivileges ? [] : ['NoNewPrivs 0']),
    ...(seccomp === 'filter' ? [] : [`Seccomp ${seccomp}`]),
  ];
  return found.length > 0 ? found : undefined;
}

function company({ sharedNamespaces, interfaces, foreignMounts }: Seen): string[] | undefined {
  const found = [
    ...sharedNamespaces.map((kind) => `namespace ${kind}`),
    ...interfaces.map((name) => `interface ${name}`),
    ...foreignMounts.map((place) => `mount ${place}`),
  ];
  return found.length > 0 ? found : undefined;
}

function missingLimits({ limits }: Seen): string[] | undefined {
  const missing = [
    ...(limits.memoryBytes === undefined ? ['memory'] : []),
    ...(limits.pids === undefined ? ['pids'] : []),
    ...(limits.cpuWeight === undefined ? ['cpu'] : []),
  ];
  return missing.length > 0 ? missing : undefined;
}

function hostFindings({ ksm, vulnerabilities }: HostIsolation, seen: readonly Seen[]): AuditFinding[] {
  return [
    ...(ksm === 'on' ? findingFor('shared-memory', seen, ({ mergeable }) => (mergeable === false ? undefined : [])) : []),
    ...(vulnerabilities.length > 0 ? [finding('processor-weaknesses', [], vulnerabilities)] : []),
  ];
}
