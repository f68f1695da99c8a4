// First rule: at least two zones of addresses, one that the world reaches and one that it does not. Pure.
import type { Audit, AuditFinding } from '../../model/audit.ts';
import type { AuditEvidence } from './evidence.ts';
import { finding, judged } from './finding.ts';

export function judgeZones({ zones, guests }: Pick<AuditEvidence, 'zones' | 'guests'>): Audit['rules']['zones'] {
  const internal = zones.filter((zone) => zone.uplink === undefined);
  const bridged = zones.filter((zone) => zone.bridged);
  const findings: AuditFinding[] = [];
  if (zones.length < 2) findings.push(finding('one-zone'));
  else if (internal.length === 0) findings.push(finding('no-internal-zone'));
  else if (internal.length === zones.length) findings.push(finding('no-external-zone'));
  if (zones.length > 1 && internal.length > 0 && guests.length > 0 && internal.every((zone) => zone.guests.length === 0))
    findings.push(
      finding(
        'nobody-internal',
        internal.map(({ name }) => name),
      ),
    );
  if (bridged.length > 0)
    findings.push(
      finding(
        'bridged-zone',
        bridged.map(({ name }) => name),
      ),
    );
  return { ...judged(findings), zones };
}
