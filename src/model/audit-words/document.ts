// An audit as a document in one language: headings, sentences, tables. What it looks like is up to the renderers. Pure.
import type { Audit, AuditFinding, AuditRule, AuditVerdict, GuestServices } from '../audit.ts';
import { type AuditTable, nothing } from './audit-table.ts';
import { isolationTables } from './isolation-tables.ts';
import type { Words } from './words.ts';

export interface AuditSection {
  title: string;
  aim: string;
  verdict: AuditVerdict;
  word: string;
  findings: { verdict: AuditVerdict; says: string; details: string[]; mend: string }[];
  tables: AuditTable[];
}

export interface AuditDocument {
  words: Words;
  title: string;
  facts: [name: string, value: string][];
  verdict: AuditVerdict;
  sections: AuditSection[];
}

/** Technical details of one finding that are told; the JSON has all. */
const maxDetails = 30;
const maxNames = 12;

export function createDocument(audit: Audit, words: Words): AuditDocument {
  const { site, revision, host, rules } = audit;
  const { labels } = words;
  const tables: Record<AuditRule, AuditTable[]> = {
    zones: [zoneTable(rules.zones, words)],
    isolation: isolationTables(rules.isolation, words),
    services: [serviceTable(rules.services.guests, words)],
    filtering: filteringTables(audit, words),
    reachability: reachabilityTables(rules.reachability, words),
  };
  return {
    words,
    title: words.title(site),
    facts: [
      [labels.site, `${site}, ${labels.revision} ${revision}`],
      [labels.host, host.name],
      [labels.software, `Caisson ${host.version}, QEMU ${host.qemuVersion}, ${host.accelerator === 'kvm' ? 'KVM' : labels.emulation}`],
      [labels.made, formatTime(audit.auditedAt, audit.timezone, words)],
    ],
    verdict: audit.verdict,
    sections: (Object.keys(words.rules) as AuditRule[]).map((rule) => ({
      ...words.rules[rule],
      verdict: rules[rule].verdict,
      word: words.verdicts[rules[rule].verdict],
      findings: rules[rule].findings.map((finding) => describeFinding(finding, audit, words)),
      tables: tables[rule].filter((table) => table.rows.length > 0),
    })),
  };
}

function describeFinding(finding: AuditFinding, audit: Audit, words: Words): AuditSection['findings'][number] {
  const { says, mend } = words.findings[finding.code];
  const details = finding.code === 'check-old' ? finding.details.map((time) => formatTime(time, audit.timezone, words)) : finding.details;
  const more = details.length > maxDetails ? [`… (${details.length})`] : [];
  const { about } = finding;
  const names = about.length > maxNames ? `${about.slice(0, maxNames).join(', ')}, … (${about.length})` : words.list(about);
  return { verdict: finding.verdict, says: says(names), details: [...details.slice(0, maxDetails), ...more], mend };
}

function zoneTable({ zones }: Audit['rules']['zones'], { labels }: Words): AuditTable {
  return {
    caption: labels.evidence,
    columns: [labels.zone, labels.addresses, labels.uplink, labels.guests, labels.remarks],
    rows: zones.map((zone) => [
      zone.name,
      zone.subnets.join(', '),
      zone.uplink ?? nothing,
      zone.guests.join(', ') || nothing,
      [zone.masquerade ? labels.masquerade : '', zone.bridged ? labels.bridged : ''].filter(Boolean).join('; ') || nothing,
    ]),
  };
}

function serviceTable(guests: readonly GuestServices[], { labels, sockets }: Words): AuditTable {
  const listening = (guest: GuestServices) => {
    if (!guest.running) return labels.notRunning;
    if (guest.unseen !== undefined) return `? (${guest.unseen})`;
    // One port is often listened to at several addresses.
    const ports = new Set(
      guest.sockets.map(({ protocol, port, kind }) => `${protocol}/${port}${kind === 'declared' ? '' : ` (${sockets[kind]})`}`),
    );
    return [...ports].join(', ') || nothing;
  };
  return {
    caption: labels.evidence,
    columns: [labels.guest, labels.declared, labels.listening],
    rows: guests.map((guest) => [guest.name, guest.declared.join(', ') || nothing, listening(guest)]),
  };
}

function filteringTables({ rules: { filtering }, timezone }: Audit, words: Words): AuditTable[] {
  const { labels, verdicts } = words;
  const { lastCheck, flows, publications } = filtering;
  return [
    {
      caption: labels.evidence,
      columns: [labels.filtering, labels.result],
      rows: [
        [labels.rulesInForce, filtering.rulesInForce ? labels.yes : labels.no.toUpperCase()],
        [labels.checked, lastCheck ? formatTime(lastCheck.checkedAt, timezone, words) : labels.never],
        ...(lastCheck
          ? [
              ...(lastCheck.decided === undefined ? [] : [[labels.decided, String(lastCheck.decided)]]),
              ...(lastCheck.rulesOnly ? [] : [[labels.attempts, String(lastCheck.attempts)]]),
              [labels.verdict, verdicts[lastCheck.ok ? 'holds' : lastCheck.differences.length > 0 ? 'broken' : 'unknown']],
            ]
          : []),
      ],
    },
    { caption: labels.flows, columns: [labels.flow, labels.why], rows: flows.map(({ text, comment }) => [text, comment ?? nothing]) },
    { caption: labels.publications, columns: [labels.publications], rows: publications.map((text) => [text]) },
  ];
}

function reachabilityTables({ services, fromWorld }: Audit['rules']['reachability'], { labels }: Words): AuditTable[] {
  return [
    {
      caption: labels.evidence,
      columns: [labels.service, labels.reachedFrom],
      rows: services.map(({ guest, port, from }) => [`${guest} ${port}`, from.join(', ') || labels.nobody]),
    },
    {
      caption: labels.fromWorld,
      columns: [labels.guest, labels.over],
      rows: fromWorld.map(({ guest, over }) => [guest, over.join(' → ') || labels.direct]),
    },
  ];
}

/** In the site's time zone. */
function formatTime(time: string, timeZone: string, { language }: Words): string {
  const format = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : 'fr-FR', { dateStyle: 'long', timeStyle: 'short', timeZone });
  return `${format.format(new Date(time))} (${timeZone})`;
}
