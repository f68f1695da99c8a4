// The rules in force: put there whole, or by what differs from those before; and whether they are still what was put there.
//
// Sets are compared with what was rendered. The rest is remembered as the kernel says it the first time after it was put there, when no
// change of somebody else has been heard of since.
import { CaissonError } from '../../lib/errors.ts';
import type { OtherTable } from '../../model/host.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';
import { findOtherElements } from './read-elements.ts';
import { renderChange } from './render-change.ts';
import type { RenderedRules } from './render-rules.ts';
import { explainAbsence, fingerprintRules, parseRuleset } from './rules-in-force.ts';

const changed = 'somebody has changed the tables «caisson»';

interface InForce {
  rules: RenderedRules;
  /** What nft says without and with elements; unknown until it is read. */
  terse?: string;
  whole?: string;
  /** Somebody has changed something since all of it was seen: perhaps not ours. */
  doubted: boolean;
  /** Somebody has changed ours: nothing but the whole will do. */
  spoilt: boolean;
}

export interface AppliedRulesParts {
  helper: Pick<NetworkHelper, 'rulesApply' | 'rulesRead'>;
  /** Whether changes by others are heard of, and told to `doubt`. */
  isHearing: () => Promise<boolean>;
}

export class AppliedRules {
  readonly #parts: AppliedRulesParts;
  #now: InForce | undefined;
  #doubts = 0;
  /** Tables of others that hook into packets' ways, as last seen. */
  others: OtherTable[] = [];

  constructor(parts: AppliedRulesParts) {
    this.#parts = parts;
  }

  /** Somebody has changed something. */
  doubt(): void {
    this.#doubts++;
    if (this.#now) this.#now.doubted = true;
  }

  forget(): void {
    this.#now = undefined;
  }

  /** Puts rules in force unless they are. Returns what was in force before when that was something else. */
  async apply(rules: RenderedRules): Promise<RenderedRules | undefined> {
    const before = this.#now;
    const isHearing = await this.#parts.isHearing();
    if (before?.doubted && !before.spoilt) await this.explain();
    const isSame = before !== undefined && before.rules.stateChain === rules.stateChain;
    const isIntact = before !== undefined && !before.spoilt && !before.doubted;
    if (isSame && isIntact && (isHearing || (await this.explainTerse()) === undefined)) return undefined;
    const change = isIntact && isHearing ? renderChange(before.rules.tables, rules.tables) : undefined;
    if (change === undefined || !(await this.#tryChange(change, rules))) await this.#putWhole(rules, isHearing);
    return isSame ? undefined : before?.rules;
  }

  /** Why they are not in force, by a look that costs little whatever the number of guests. */
  async explainTerse(): Promise<string | undefined> {
    const now = this.#now;
    if (!now) return 'no rules have been applied yet';
    if (now.spoilt) return changed;
    const doubts = this.#doubts;
    const { json, others } = await this.#parts.helper.rulesRead({ terse: true });
    this.others = others ?? [];
    const absent = explainAbsence(json, now.rules.stateChain);
    if (absent === undefined && json !== null) {
      const terse = fingerprintRules(parseRuleset(json), now.rules.tables);
      if (now.terse === undefined && !now.doubted && doubts === this.#doubts) now.terse = terse;
      if (terse === now.terse) return undefined;
    }
    now.spoilt = true;
    return absent ?? changed;
  }

  async readOthers(): Promise<void> {
    const { others } = await this.#parts.helper.rulesRead({ terse: true });
    this.others = others ?? [];
  }

  /** Why they are not in force, by reading everything. */
  async explain(): Promise<string | undefined> {
    const doubts = this.#doubts;
    const terse = await this.explainTerse();
    const now = this.#now;
    if (terse !== undefined || !now) return terse;
    const { json } = await this.#parts.helper.rulesRead({});
    const why = explainAbsence(json, now.rules.stateChain) ?? this.#compare(now, json ?? '');
    now.spoilt = why !== undefined;
    if (doubts === this.#doubts) now.doubted = false;
    return why;
  }

  #compare(now: InForce, json: string): string | undefined {
    const ruleset = parseRuleset(json);
    const whole = fingerprintRules(ruleset, now.rules.tables);
    if (now.whole !== undefined) return whole === now.whole ? undefined : changed;
    const [other] = findOtherElements(ruleset, now.rules.tables);
    if (other !== undefined) return `somebody has changed the set ${other}`;
    now.whole = whole;
    return undefined;
  }

  async #tryChange(change: string, rules: RenderedRules): Promise<boolean> {
    const doubts = this.#doubts;
    try {
      await this.#parts.helper.rulesApply({ change });
    } catch {
      // They were not as we thought, and are as they were: nft changes all or nothing.
      return false;
    }
    this.#now = { rules, spoilt: false, doubted: doubts !== this.#doubts };
    return true;
  }

  async #putWhole(rules: RenderedRules, isHearing: boolean): Promise<void> {
    const doubts = this.#doubts;
    await this.#parts.helper.rulesApply({ table: rules.text });
    this.#now = { rules, spoilt: false, doubted: doubts !== this.#doubts };
    const why = await (isHearing ? this.explainTerse() : this.explain());
    if (why !== undefined) {
      throw new CaissonError(
        'failed',
        `the rules are not in the kernel although it accepted them (${why}): does another program replace them?`,
      );
    }
  }
}
