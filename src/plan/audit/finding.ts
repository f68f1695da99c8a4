import { type AuditFinding, type AuditVerdict, type FindingCode, findingVerdicts, worstVerdict } from '../../model/audit.ts';

/** The names are those of guests or zones; details are evidence in technical words. */
export function finding(code: FindingCode, about: readonly string[] = [], details: readonly string[] = []): AuditFinding {
  return { code, verdict: findingVerdicts[code], about: [...about], details: [...details] };
}

/** A finding about those for which `details` has something to say; none when there are none. */
export function findingFor<T extends { name: string }>(
  code: FindingCode,
  all: readonly T[],
  details: (each: T) => readonly string[] | undefined,
): AuditFinding[] {
  const found = all.flatMap((each) => {
    const said = details(each);
    return said === undefined ? [] : [{ name: each.name, said }];
  });
  if (found.length === 0) return [];
  return [
    finding(
      code,
      found.map(({ name }) => name),
      found.flatMap(({ name, said }) => (said.length > 0 ? [`${name}: ${said.join(', ')}`] : [])),
    ),
  ];
}

export function judged(findings: AuditFinding[]): { verdict: AuditVerdict; findings: AuditFinding[] } {
  return { verdict: worstVerdict(findings.map(({ verdict }) => verdict)), findings };
}
