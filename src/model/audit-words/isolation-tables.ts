// The evidence of the second rule: what the kernel says of the host and of each guest's process. Pure.
import type { Audit } from '../audit.ts';
import type { ProcessIsolation } from '../isolation.ts';
import { type AuditTable, nothing } from './audit-table.ts';
import type { Words } from './words.ts';

type Isolation = Audit['rules']['isolation'];

export function isolationTables({ host, guests }: Isolation, words: Words): AuditTable[] {
  const { labels } = words;
  return [
    {
      caption: labels.processes,
      columns: [
        labels.guest,
        labels.user,
        labels.privileges,
        labels.systemCalls,
        labels.network,
        labels.memory,
        labels.share,
        labels.execution,
      ],
      rows: guests.map(({ name, process }) => processRow(name, process, words)),
    },
    {
      caption: labels.host,
      columns: [labels.host, labels.result],
      rows: host
        ? [
            [labels.kernel, host.kernel],
            [labels.memorySharing, host.ksm === 'on' ? labels.shareOn : labels.shareOff],
            [labels.processor, host.vulnerabilities.join('; ') || labels.none],
            [labels.controlGroups, host.controllers.join(', ') || labels.none],
          ]
        : [],
    },
  ];
}

function processRow(name: string, process: ProcessIsolation, { labels, language }: Words): string[] {
  const { limits } = process;
  const kept = [
    ...process.capabilities,
    ...(process.supplementaryGroups.length > 0 ? [process.supplementaryGroups.join(' ')] : []),
    ...(process.noNewPrivileges ? [] : ['NoNewPrivs 0']),
  ];
  const unit = language === 'fr' ? 'Mio' : 'MiB';
  const shares = [limits.cpuWeight, limits.ioWeight].map((weight) => weight ?? nothing).join(' / ');
  return [
    name,
    [...new Set(process.userIds)].join(' '),
    kept.join(', ') || labels.none,
    process.seccomp === 'filter' ? labels.filtered : labels.unfiltered,
    [...process.sharedNamespaces, ...process.interfaces, ...process.foreignMounts].join(', ') || labels.none,
    limits.memoryBytes === undefined ? labels.unlimited : `${Math.round(limits.memoryBytes / 1_048_576)} ${unit}`,
    shares,
    process.kvm ? 'KVM' : labels.emulation,
  ];
}
