// Fourth rule: filtering between the zones, and inside them. The wanted rules are in force, they were shown to do what the flows say, and
// the flows do not open everything. Pure.
import type { Audit, AuditFinding } from '../../model/audit.ts';
import type { AuditEvidence } from './evidence.ts';
import { finding, judged } from './finding.ts';
import { readPorts } from './ways.ts';

/** A check says nothing of what has been changed since; a week is what one can remember. */
const oldAfterMs = 7 * 86_400_000;
/** A flow that opens more ports than this was not thought about. */
const manyPorts = 1000;

type Evidence = Pick<AuditEvidence, 'networkProblem' | 'otherTables' | 'lastCheck' | 'flows' | 'publications' | 'now'>;

export function judgeFiltering({
  networkProblem,
  otherTables,
  lastCheck,
  flows,
  publications,
  now,
}: Evidence): Audit['rules']['filtering'] {
  const wide = flows.filter(isWide).map(({ text }) => text);
  const findings: AuditFinding[] = [
    ...(networkProblem === undefined ? [] : [finding('rules-not-in-force', [], [networkProblem])]),
    ...checkFindings(lastCheck, now),
    ...(otherTables.length > 0
      ? [
          finding(
            'other-firewall',
            [],
            otherTables.map(({ name, refuses }) => `${name}: refuses ${refuses}`),
          ),
        ]
      : []),
    ...(wide.length > 0 ? [finding('wide-flow', [], wide)] : []),
  ];
  return {
    ...judged(findings),
    rulesInForce: networkProblem === undefined,
    ...(lastCheck ? { lastCheck } : {}),
    flows: flows.map(({ text, comment }) => ({ text, ...(comment === undefined ? {} : { comment }) })),
    publications: publications.map(({ text }) => text),
  };
}

function checkFindings(check: Evidence['lastCheck'], now: number): AuditFinding[] {
  if (!check) return [finding('never-checked')];
  if (check.differences.length > 0) return [finding('check-failed', [], check.differences)];
  if (!check.ok) return [finding('check-incomplete', [], check.untold)];
  const ageMs = now - Date.parse(check.checkedAt);
  return ageMs > oldAfterMs ? [finding('check-old', [], [check.checkedAt])] : [];
}

function isWide({ from, to, allow }: Evidence['flows'][number]): boolean {
  const fromMany = from === 'world' || from === 'all';
  return (
    (fromMany && to === 'all') ||
    allow.some((text) => {
      const ports = readPorts(text);
      return ports !== undefined && ports.to - ports.from >= manyPorts;
    })
  );
}
