// The first part of the proof of the filtering: the rules in force are read back from the kernel and decided, packet by packet, against what the
// site's flows say. No guest takes part in it.
import type { ZoneCheck } from '../model/zone-check.ts';
import { checkRulesInSteps } from '../plan/rules/check-rules.ts';
import type { StepContext } from './job-context.ts';
import type { NetworkReconciler } from './network.ts';

/** The daemon answers others meanwhile. */
const breath = () => new Promise<void>((resolve) => void setImmediate(resolve));

export async function checkRulesInForce(
  { network, now }: { network: NetworkReconciler; now: () => string },
  job: Pick<StepContext, 'progress' | 'signal'>,
): Promise<Pick<ZoneCheck, 'rules' | 'withoutRules'>> {
  const { state, rules } = await network.readRules();
  if ('none' in rules) return { withoutRules: rules.none };
  const steps = checkRulesInSteps(rules.json, state);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return { rules: { ...value, checkedAt: now(), others: rules.others } };
    job.signal.throwIfAborted();
    job.progress(undefined, `${value} cases decided`);
    await breath();
  }
}
