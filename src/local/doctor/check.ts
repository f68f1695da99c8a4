// A check of the doctor: one question about this machine, answered with what was found, why it matters, how to mend it.
import type { DoctorHost } from './host.ts';

/** `warning`: guests run, but worse or less safely. `bad`: guests cannot run. */
export type Verdict = 'ok' | 'warning' | 'bad';

export interface Finding {
  verdict: Verdict;
  /** What is the case, in a few words: `24 GiB, 20 GiB available`. */
  found: string;
  /** Why it matters; absent when all is well. */
  explanation?: string;
  /** What to do. */
  mend?: string;
}

export interface CheckResult extends Finding {
  /** One word: `swap`. */
  name: string;
  /** Nothing was looked at: only root can. */
  unchecked?: true;
}

export interface Check {
  name: string;
  /** Not root: the check is not made and says so. */
  needsRoot?: boolean;
  run(host: DoctorHost): Promise<Finding>;
}

export const ok = (found: string): Finding => ({ verdict: 'ok', found });
export const warning = (found: string, explanation: string, mend: string): Finding => ({ verdict: 'warning', found, explanation, mend });
export const bad = (found: string, explanation: string, mend: string): Finding => ({ verdict: 'bad', found, explanation, mend });
