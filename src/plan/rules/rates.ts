// The rates of flows: that the kernel's limit is the flow's own. Whether it is asked at all is decided with packets.
import type { NetworkFlow, NetworkState } from '../../model/network-state.ts';
import type { RulesDifference } from '../../model/rules-check.ts';
import type { Ruleset } from './ruleset.ts';

/** Pure. Flows with a rate and limits of the kernel that do not belong together. */
export function checkRates({ limits }: Ruleset, { flows }: NetworkState): RulesDifference[] {
  const there = [...limits.values()].map(({ rate, per, burst }) => `${rate}/${per}, at once ${burst}`);
  const wanted = flows.flatMap((flow) => (flow.rate ? [{ flow, text: wordsOf(flow.rate) }] : []));
  const differences: RulesDifference[] = [];
  // Flows that are the same share a limit.
  for (const { flow, text } of new Map(wanted.map((each) => [each.flow.text, each])).values()) {
    const at = there.indexOf(text);
    if (at === -1) differences.push(differenceOf(flow, `no limit of the kernel is ${text}`));
    else there.splice(at, 1);
  }
  return differences;
}

function wordsOf({ count, per }: NonNullable<NetworkFlow['rate']>): string {
  return `${count}/${per}, at once ${count}`;
}

function differenceOf({ text }: NetworkFlow, why: string): RulesDifference {
  return { about: 'flood', from: '', to: '', ports: '', expected: 'refused', decided: 'open', why: `flow ${text}: ${why}` };
}
