// What `caisson verify` finds: one line each, with what to do.

/** `note`: as it should be, and worth knowing. `warning`: left over, harmless so far. `bad`: a guest or what it holds is in danger. */
export type Verdict = 'note' | 'warning' | 'bad';

export interface Finding {
  /** Which check found it, one word. */
  check: string;
  verdict: Verdict;
  /** What is the case. */
  found: string;
  /** What to do. */
  mend: string;
}

export const note = (check: string, found: string, mend: string): Finding => ({ check, verdict: 'note', found, mend });
export const warning = (check: string, found: string, mend: string): Finding => ({ check, verdict: 'warning', found, mend });
export const bad = (check: string, found: string, mend: string): Finding => ({ check, verdict: 'bad', found, mend });
