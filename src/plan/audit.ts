// From what was observed to the five rules with their verdicts. Pure.
import { type Audit, worstVerdict } from '../model/audit.ts';
import type { AuditEvidence } from './audit/evidence.ts';
import { judgeFiltering } from './audit/judge-filtering.ts';
import { judgeIsolation } from './audit/judge-isolation.ts';
import { judgeReachability } from './audit/judge-reachability.ts';
import { judgeServices } from './audit/judge-services.ts';
import { judgeZones } from './audit/judge-zones.ts';
import { findOpenings } from './audit/ways.ts';

export function judgeSite(evidence: AuditEvidence): Audit {
  const openings = findOpenings(evidence);
  const isolation = judgeIsolation(evidence);
  const filtering = judgeFiltering(evidence);
  const rules = {
    zones: judgeZones(evidence),
    isolation,
    services: judgeServices(evidence, openings),
    filtering,
    reachability: judgeReachability(evidence, openings, { isolation: isolation.verdict, filtering: filtering.verdict }),
  };
  return {
    site: evidence.site,
    revision: evidence.revision,
    timezone: evidence.timezone,
    auditedAt: new Date(evidence.now).toISOString(),
    host: evidence.host,
    verdict: worstVerdict(Object.values(rules).map(({ verdict }) => verdict)),
    rules,
  };
}
