// What leads from the tables in force to others, as commands of one transaction: chains with a rule that differs are written again whole, and
// of sets, which hold guests and flows, only elements that differ. Afterwards the kernel has what writing the tables whole would have made.
import { type Chain, type RuleSet, type Table, describeHook, describeSet } from './table.ts';

/** Above this many commands whole tables are quicker. */
const mostCommands = 4000;
/** That differ of one set: each is searched for. */
const fewElements = 100;

/** Pure. Undefined when the tables had better be written whole. The order: nothing refers to what goes, what comes is there before it is referred to. */
export function renderChange(before: readonly Table[], after: readonly Table[]): string | undefined {
  const commands: Commands = { empty: [], remove: [], add: [], fill: [], judge: [] };
  for (const table of after) {
    const old = before.find(({ family }) => family === table.family);
    if (!old) return undefined;
    changeTable(old, table, commands);
  }
  if (before.length !== after.length) return undefined;
  const lines = Object.values(commands).flat();
  return lines.length > mostCommands ? undefined : lines.map((line) => `${line}\n`).join('');
}

interface Commands {
  /** Rules go first: they refer to the rest. */
  empty: string[];
  remove: string[];
  add: string[];
  fill: string[];
  judge: string[];
}

function changeTable(before: Table, after: Table, commands: Commands): void {
  const at = `${after.family} caisson`;
  const oldSets = new Map(before.sets.map((set) => [set.name, set]));
  const kept = (set: RuleSet) => {
    const old = oldSets.get(set.name);
    return old && wordsOf(old) === wordsOf(set) ? old : undefined;
  };
  const keptNames = new Set(after.sets.filter((set) => kept(set)).map(({ name }) => name));
  const chainsAfter = new Map(after.chains.map((chain) => [chain.name, chain]));
  const chainsBefore = new Map(before.chains.map((chain) => [chain.name, chain]));
  const limitsAfter = new Map(after.limits.map(({ name, rate }) => [name, rate]));
  const limitsBefore = new Map(before.limits.map(({ name, rate }) => [name, rate]));
  const gone = {
    chains: before.chains.filter(({ name, hook }) => chainsAfter.get(name)?.hook !== hook || !chainsAfter.has(name)),
    sets: before.sets.filter(({ name }) => !keptNames.has(name)),
    limits: before.limits.filter(({ name, rate }) => limitsAfter.get(name) !== rate),
  };
  // What goes may come again by the same name.
  const leaving = new Set(Object.values(gone).flatMap((list) => list.map(({ name }) => name)));
  const isKept = ({ name, rules }: Chain) =>
    !leaving.has(name) &&
    chainsBefore.get(name)?.rules.join('\n') === rules.join('\n') &&
    !rules.some((rule) => rule.split(/[^\w]+/).some((word) => leaving.has(word)));
  const keptChains = new Set(after.chains.filter(isKept).map(({ name }) => name));
  for (const { name } of before.chains) if (!keptChains.has(name)) commands.empty.push(`flush chain ${at} ${name}`);
  for (const { name } of gone.chains) commands.remove.push(`delete chain ${at} ${name}`);
  for (const { name, kind = 'set' } of gone.sets) commands.remove.push(`delete ${kind} ${at} ${name}`);
  for (const { name } of gone.limits) commands.remove.push(`delete limit ${at} ${name}`);
  for (const [name, rate] of limitsAfter) if (limitsBefore.get(name) !== rate) commands.add.push(`add limit ${at} ${name} { ${rate} ; }`);
  for (const set of after.sets) {
    const old = kept(set);
    if (!old) commands.add.push(`add ${wordsOf(set).replace(/^(set|map) /, `$1 ${at} `)}`);
    changeElements(at, set, old?.elements ?? [], commands);
  }
  for (const { name, hook } of after.chains) {
    const old = chainsBefore.get(name);
    if (!old || old.hook !== hook) commands.add.push(`add chain ${at} ${name}${hook === undefined ? '' : ` { ${describeHook(hook)} }`}`);
  }
  for (const { name, rules } of after.chains)
    if (!keptChains.has(name)) for (const rule of rules) commands.judge.push(`add rule ${at} ${name} ${rule}`);
}

/** A set without its elements: `set NAME { type … ; }`. */
function wordsOf(set: RuleSet): string {
  return `${set.kind ?? 'set'} ${set.name} { ${describeSet(set).replaceAll('\n', ' ; ')} ; }`;
}

function changeElements(at: string, { name, elements }: RuleSet, old: readonly string[], commands: Commands): void {
  const { gone, come } = difference(old, elements);
  // Intervals that were merged with what goes, or will be with what comes, are not there by themselves: such sets are small.
  const commandFor = (verb: string, list: readonly string[]) =>
    list.length > 0 ? [`${verb} element ${at} ${name} { ${list.join(', ')} }`] : [];
  commands.remove.push(...commandFor('delete', gone.map(keyOf)));
  commands.fill.push(...commandFor('add', come));
}

/** Elements nearly always differ by a few, and stand in the same order: then nothing is looked up. */
function difference(before: readonly string[], after: readonly string[]): { gone: string[]; come: string[] } {
  const gone: string[] = [];
  const come: string[] = [];
  let [old, now] = [0, 0];
  while (old < before.length && now < after.length) {
    if (before[old] === after[now]) {
      old++;
      now++;
      continue;
    }
    const [again, later] = [before.indexOf(after[now] as string, old), after.indexOf(before[old] as string, now)];
    if (again === -1) come.push(after[now++] as string);
    else if (later === -1) gone.push(before[old++] as string);
    else return byLookingUp(before, after);
    if (gone.length + come.length > fewElements) return byLookingUp(before, after);
  }
  return { gone: [...gone, ...before.slice(old)], come: [...come, ...after.slice(now)] };
}

function byLookingUp(before: readonly string[], after: readonly string[]): { gone: string[]; come: string[] } {
  const [was, will] = [new Set(before), new Set(after)];
  return { gone: before.filter((element) => !will.has(element)), come: after.filter((element) => !was.has(element)) };
}

/** What an element is found by: without its comment, and in a map without what it leads to. */
function keyOf(element: string): string {
  return element.replace(/ comment "[^"]*"$/, '').replace(/ : .*$/, '');
}
