// Everything about one guest, as people read it. Pure.
import { formatDuration, formatSize } from '../lib/units.ts';
import type { Guest } from '../model/guest-status.ts';
import { describeCheck } from '../model/check-words.ts';
import { guestStyle, stateWord } from './guest-state.ts';
import type { Field } from './table.ts';
import { localTime } from './times.ts';

export function guestFields(guest: Guest): Field[] {
  const { spec, status, hardware } = guest;
  const list = (texts: readonly string[] | undefined) => texts?.join(', ');
  return [
    ['name', guest.name],
    ['uid', guest.uid],
    ['state', stateWord(guest), guestStyle(guest)],
    ['why', status.reason],
    ['pending', status.pending.length > 0 ? status.pending.join('; ') : undefined],
    ['possible now', list(guest.actions)],
    ...nicFields(status.nics),
    ['service', list(spec.service?.ports)],
    ['readiness', list(spec.service?.ready.map(describeCheck))],
    ['ready after', status.readyAfterMs === undefined ? undefined : formatDuration(status.readyAfterMs)],
    ['started', status.startedAt && localTime(status.startedAt)],
    ['agent', status.agent],
    ['starts after', list(spec.after.map((one) => ('requires' in one ? `${one.requires} (required)` : `${one.wants} (wanted)`)))],
    ['when it ends', describeRestart(guest)],
    [
      'shutdown',
      `${formatDuration(spec.shutdown.agentMs)} by its agent, then ${formatDuration(spec.shutdown.powerButtonMs)} by its power button`,
    ],
    ['processors', describeCpus(guest)],
    ['memory', describeMemory(guest)],
    ['image', spec.image],
    ['firmware', spec.firmware],
    ['machine', `${hardware.machineType}, ${hardware.cpuModel}`],
    ['disks', status.disks.map(describeDisk).join('\n')],
    ['process', status.pid === undefined ? undefined : `${status.pid}, as user ${guest.userId}`],
    ['labels', list(Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`))],
    ['description', spec.description],
  ];
}

/** `started again after a failure, at most 5 times in a row; failed 2 times, again at 14:02:11`. */
function describeRestart({ spec, status }: Guest): string {
  const { policy, tries } = spec.restart;
  const rule = {
    never: 'left as it is',
    'on-failure': `started again after a failure, at most ${tries} times in a row`,
    always: `started again, at most ${tries} times in a row`,
  }[policy];
  const { failures, nextAt, givenUp } = status.restart ?? {};
  if (failures === undefined || (policy === 'never' && givenUp)) return rule;
  const next = givenUp ? ', given up' : nextAt === undefined ? '' : `, again at ${localTime(nextAt)}`;
  return `${rule}; failed ${failures} time${failures === 1 ? '' : 's'} in a row${next}`;
}

function nicFields(nics: Guest['status']['nics']): Field[] {
  const [nic, ...others] = nics;
  const sharing = nics.filter(({ bridged }) => bridged).map(({ zone }) => zone);
  const weaker: Field = ['gives up', sharing.length > 0 ? weakerOn(sharing) : undefined, 'amber'];
  const zoneText = ({ zone, bridged }: (typeof nics)[number]) => (bridged ? `${zone} (bridged, weaker)` : zone);
  if (!nic || others.length > 0)
    return [['nics', nics.map((each) => `${zoneText(each)}: ${each.addresses.join(', ')} (${each.mac})`).join('\n')], weaker];
  return [['zone', zoneText(nic), nic.bridged && 'amber'], weaker, ['addresses', nic.addresses.join(', ')], ['mac', nic.mac]];
}

function weakerOn(zones: readonly string[]): string {
  return `a wire of its own: on that of ${zones.join(', ')} flows between guests are filtered
without knowledge of connections (“caisson zone show ${zones[0]}”)`;
}

function describeCpus({ spec: { cpus, cpu }, status: { has } }: Guest): string {
  return [
    String(cpus),
    ...(has && has.cpus !== cpus ? [`has ${has.cpus}`] : []),
    ...(cpu?.weight === undefined ? [] : [`weight ${cpu.weight}`]),
    ...(cpu?.limit === undefined ? [] : [`at most ${cpu.limit} processors’ time`]),
    ...(cpu?.pin === undefined ? [] : [`on the host’s ${cpu.pin.join(' ')}`]),
  ].join(', ');
}

function describeMemory({ spec: { memoryMib, memoryRange }, status: { has, memoryBytes } }: Guest): string {
  return [
    `${memoryMib} MiB${memoryRange ? ` (${memoryRange.minMib} to ${memoryRange.maxMib})` : ''}`,
    ...(has && has.memoryMib !== memoryMib ? [`has ${has.memoryMib}`] : []),
    ...(memoryBytes === undefined ? [] : [`costs the host ${formatSize(memoryBytes)}`]),
  ].join(', ');
}

function describeDisk({ name, sizeBytes, allocatedBytes, path }: Guest['status']['disks'][number]): string {
  const used = allocatedBytes === undefined ? '' : `, ${formatSize(allocatedBytes)} used`;
  return `${name}: ${formatSize(sizeBytes)}${used}, ${path}`;
}
