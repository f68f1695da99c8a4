// Fifth rule: no way from one service to another. Whoever has taken over one guest gets from there to declared services only, by the
// flows that say so; which rests on the second and fourth rules. Pure.
import type { Audit, AuditFinding, AuditVerdict } from '../../model/audit.ts';
import type { AuditEvidence } from './evidence.ts';
import { finding, judged } from './finding.ts';
import { type Opening, readPorts, serviceWays, waysFromWorld } from './ways.ts';

export interface RestsOn {
  isolation: AuditVerdict;
  filtering: AuditVerdict;
}

export function judgeReachability(
  { guests }: Pick<AuditEvidence, 'guests'>,
  openings: readonly Opening[],
  restsOn: RestsOn,
): Audit['rules']['reachability'] {
  const opened = openings.filter((opening) => openingsBeyondDeclared(opening, guests));
  const findings: AuditFinding[] = [
    ...(['isolation', 'filtering'] as const).flatMap((rule) => {
      if (restsOn[rule] === 'broken') return [finding(`${rule}-not-held`)];
      return restsOn[rule] === 'unknown' ? [finding(`${rule}-not-shown`)] : [];
    }),
    ...(opened.length > 0
      ? [
          finding('opened-undeclared', [...new Set(opened.map(({ guest }) => guest))].toSorted(), [
            ...new Set(opened.map((opening) => `${opening.guest} ${portsText(opening)} (${opening.text})`)),
          ]),
        ]
      : []),
  ];
  return { ...judged(findings), services: serviceWays(guests, openings), fromWorld: waysFromWorld(openings) };
}

/** Ports that the guest does not declare; of one that declares nothing the third rule tells. */
function openingsBeyondDeclared(opening: Opening, guests: AuditEvidence['guests']): boolean {
  const declared = guests.find((guest) => guest.name === opening.guest)?.declared ?? [];
  if (declared.length === 0) return false;
  const ranges = declared
    .flatMap((text) => readPorts(text) ?? [])
    .filter(({ protocol }) => protocol === opening.protocol)
    .toSorted((a, b) => a.from - b.from);
  let next = opening.from;
  for (const range of ranges) if (range.from <= next && range.to >= next) next = range.to + 1;
  return next <= opening.to;
}

function portsText({ protocol, from, to }: Opening): string {
  return from === to ? `${protocol}/${from}` : `${protocol}/${from}-${to}`;
}
