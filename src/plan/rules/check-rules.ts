// The proof of the filtering by reading it: the rules in force, as the kernel tells them, let pass what the site's flows say and nothing else.
// Decided for every pair of addresses that anything tells apart, for every protocol and port at once; differences are named.
import type { NetworkState } from '../../model/network-state.ts';
import type { RulesCheck, RulesDifference } from '../../model/rules-check.ts';
import { classifyAddresses } from './address-classes.ts';
import { ConnectionTrials } from './connection-trials.ts';
import { describeRule } from './describe-rule.ts';
import { Evaluator } from './evaluator.ts';
import { FlowTrials } from './flow-trials.ts';
import { GuardTrials } from './guard-trials.ts';
import { type Ranges, describeL4, intersect, subtract, unite } from './l4-ranges.ts';
import type { Outcome } from './packet.ts';
import { type Trial, findPlaces } from './places.ts';
import { checkRates } from './rates.ts';
import { Routes, whyUnseen } from './routes.ts';
import { connectionMarks, readRuleset } from './ruleset.ts';

const trialsInOneStep = 250;
/** Named; the others are counted. */
const mostDifferences = 500;

type Checked = Omit<RulesCheck, 'checkedAt' | 'others'>;

export interface CheckOptions {
  /** With so many differences no more is tried. */
  enough?: number;
}

/** Pure. `json`: what nft says of the tables in force. Throws `invalid` when that cannot be read. */
export function checkRules(json: string, state: NetworkState, options: CheckOptions = {}): Checked {
  const steps = checkRulesInSteps(json, state, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same, leaving room for other work between its steps: tells how many cases are decided. */
export function* checkRulesInSteps(json: string, state: NetworkState, { enough }: CheckOptions = {}): Generator<number, Checked> {
  const ruleset = readRuleset(json);
  const evaluator = new Evaluator(ruleset, new Routes(state));
  const classes = classifyAddresses(ruleset, state);
  const places = findPlaces(state, classes);
  const judge = new Judge(evaluator, enough);
  for (const what of ruleset.strange) judge.addStrange(what);
  yield* judge.judgeAll(new FlowTrials(state, places).all());
  yield* judge.judgeAll(new GuardTrials(state, places).all());
  yield* judge.judgeAll(new ConnectionTrials(state, places, judge.usualMark(), connectionMarks(ruleset)).all());
  for (const difference of checkRates(ruleset, state)) judge.add(difference);
  const { differences, count, trials } = judge;
  return { ok: count === 0, trials, addresses: places.all.length, differences, moreDifferences: count - differences.length };
}

class Judge {
  readonly differences: RulesDifference[] = [];
  count = 0;
  trials = 0;
  readonly #evaluator: Evaluator;
  readonly #enough: number;
  readonly #marks = new Map<number, { count: number; outcome: Outcome; trial: Trial }>();

  constructor(evaluator: Evaluator, enough = Infinity) {
    this.#evaluator = evaluator;
    this.#enough = enough;
  }

  *judgeAll(trials: Iterable<Trial>): Generator<number, void> {
    for (const trial of trials) {
      if (this.count >= this.#enough) return;
      this.#judge(trial);
      if (this.trials % trialsInOneStep === 0) yield this.trials;
    }
  }

  #judge(trial: Trial): void {
    this.trials++;
    const { packet, expected, atMost, amiss } = trial;
    const outcomes = trial.arrival ? this.#evaluator.evaluateArrival(packet) : this.#evaluator.evaluate(packet);
    const open: Ranges[] = [];
    for (const outcome of outcomes) {
      if (outcome.end.is === 'undecided') this.#differ(trial, outcome.ranges, 'undecided', outcome);
      if (outcome.end.is !== 'delivered') continue;
      open.push(outcome.ranges);
      const why = amiss?.(outcome.branch) ?? (trial.arrival && packet.toPort === undefined ? whyUnseen(outcome.branch)?.why : undefined);
      if (why !== undefined) this.#differ(trial, outcome.ranges, 'open', outcome, why);
      if (trial.about === 'new' && !trial.arrival) this.#countMark(trial, outcome);
    }
    const passes = unite(open);
    const wrong = subtract(passes, expected);
    if (wrong.length > 0) this.#tell(trial, outcomes, wrong, 'open');
    if (atMost) return;
    const missing = subtract(intersect(expected, packet.l4), passes);
    if (missing.length > 0) this.#tell(trial, outcomes, missing, 'refused');
  }

  /** The mark of connections that pass: they all have the same, or some would not be known again. */
  usualMark(): number {
    const marks = [...this.#marks].toSorted(([, a], [, b]) => b.count - a.count);
    for (const [mark, { outcome, trial }] of marks)
      if (mark !== marks[0]?.[0] || mark === 0)
        this.#differ(trial, outcome.ranges, 'open', outcome, 'its connection is not marked as those of the rules in force');
    return marks[0]?.[0] ?? 1;
  }

  add(difference: RulesDifference): void {
    this.count++;
    if (this.differences.length < mostDifferences) this.differences.push(difference);
  }

  addStrange(what: string): void {
    this.add({
      about: 'rules',
      from: '',
      to: '',
      ports: '',
      expected: 'refused',
      decided: 'undecided',
      why: `“${what}” is not understood`,
    });
  }

  /** Where connections are tracked at all. */
  #countMark(trial: Trial, outcome: Outcome): void {
    const { branch } = outcome;
    if (!branch.isTracked || branch.packet.connection.state !== 'new') return;
    const known = this.#marks.get(branch.connectionMark);
    if (known) known.count++;
    else this.#marks.set(branch.connectionMark, { count: 1, outcome, trial });
  }

  #tell(trial: Trial, outcomes: readonly Outcome[], ranges: Ranges, decided: 'open' | 'refused'): void {
    const isSo = ({ end }: Outcome) => (decided === 'open' ? end.is === 'delivered' : end.is === 'refused');
    for (const outcome of outcomes) {
      const part = isSo(outcome) ? intersect(ranges, outcome.ranges) : [];
      if (part.length > 0) this.#differ(trial, part, decided, outcome);
    }
  }

  #differ(trial: Trial, ranges: Ranges, decided: RulesDifference['decided'], outcome: Outcome, why?: string): void {
    const { from, fromAddress, to, address, about, what, expected } = trial;
    this.count++;
    if (this.differences.length >= mostDifferences) return;
    const { rule, reason } = decidedBy(outcome);
    this.differences.push({
      about,
      from,
      fromAddress,
      to,
      address,
      ports: describeL4(ranges),
      expected: intersect(ranges, expected).length > 0 ? 'open' : 'refused',
      decided,
      ...(rule !== undefined && { rule }),
      why: [what, why, reason].filter((each) => each !== undefined && each !== '').join('; '),
    });
  }
}

function decidedBy({ branch, end }: Outcome): { rule?: string; reason?: string } {
  if (end.is === 'delivered') return branch.trail ? { rule: describeRule(branch.trail.rule) } : { reason: 'no rule refuses it' };
  if (end.rule) return { rule: describeRule(end.rule), ...(end.is === 'undecided' && { reason: end.why }) };
  return { reason: end.why };
}
