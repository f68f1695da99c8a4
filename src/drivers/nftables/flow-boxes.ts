// Flows as boxes: (from addresses) × (to addresses) × kind × values, sorted into exact ones and layers in which no two boxes overlap.
// The kernel's set of concatenated ranges refuses an element that overlaps another, and people's flows overlap all the time
// (`zone:external → dns`, `web → dns`); so a box inside another is left out, and one that overlaps goes to the next layer.
// A packet is looked up once in each layer; sites need one or two, however many guests and flows they have.
//
// Most flows are from one address to one port of another. These are no ranges: they stand in a set of their own, a table of hashes, which
// the kernel changes at once. From a set of ranges it takes an element away in a time that grows with the set: 70 ms of 10,000.
import { hash } from 'node:crypto';
import type { AddressRange } from './address-range.ts';

interface FlowBoxParts {
  from: AddressRange;
  to: AddressRange;
  /** `echo`: asking for an echo; `type`: another ICMP type; `number`: an IP kind by its number. */
  kind: 'tcp' | 'udp' | 'echo' | 'type' | 'number';
  /** Inclusive: values, the type, the number; 0 of an echo. */
  values: { from: number; to: number };
  comment: string;
}

/** Never changed. It is there again at the next rendering, and what is made of it once is kept. */
export class FlowBox implements Readonly<FlowBoxParts> {
  readonly from: FlowBoxParts['from'];
  readonly to: FlowBoxParts['to'];
  readonly kind: FlowBoxParts['kind'];
  readonly values: FlowBoxParts['values'];
  readonly comment: string;
  /** Of one address, one address and one value. */
  readonly isExact: boolean;
  /** Tells it from every other one, and is what they are sorted by. */
  readonly text: string;
  /** Where it was when it was sorted last, together with all of the same sorting. */
  #place = 0;
  #sorting: { count: number } | undefined;
  #element: string | undefined;
  #digest: string | undefined;

  constructor({ from, to, kind, values, comment }: FlowBoxParts) {
    this.from = from;
    this.to = to;
    this.kind = kind;
    this.values = values;
    this.comment = comment;
    this.isExact = isSingle(from) && isSingle(to) && values.from === values.to;
    this.text = `${from.text} ${to.text} ${kind} ${values.from}-${values.to} ${comment}`;
  }

  leadingTo(to: AddressRange): FlowBox {
    const { from, kind, values, comment } = this;
    return new FlowBox({ from, to, kind, values, comment });
  }

  /** As it stands in a set; what is looked up there is the same for all of a kind. */
  element(make: (box: FlowBox) => string): string {
    return (this.#element ??= make(this));
  }

  /** Tells the element from every other one, as bytes. */
  digest(make: (box: FlowBox) => string): string {
    return (this.#digest ??= hash('sha256', this.element(make), 'buffer').toString('latin1'));
  }

  /** Most boxes are there again, and have been sorted together before: what comes anew is put between them. */
  static inOrder(boxes: readonly FlowBox[]): FlowBox[] {
    const known = boxes.find((box) => box.#sorting !== undefined);
    const before = known === undefined ? undefined : known.#sorting;
    const placed = Array.from<FlowBox | undefined>({ length: before?.count ?? 0 });
    const others: FlowBox[] = [];
    for (const box of boxes) {
      if (before !== undefined && box.#sorting === before && placed[box.#place] === undefined) placed[box.#place] = box;
      else others.push(box);
    }
    const sorted = merge(
      placed.filter((box) => box !== undefined),
      others.toSorted(byText),
    );
    const sorting = { count: sorted.length };
    sorted.forEach((box, place) => {
      box.#sorting = sorting;
      box.#place = place;
    });
    return sorted;
  }
}

const byText = (a: FlowBox, b: FlowBox) => compare(a.text, b.text);
/** So many are each looked for a place of their own. */
const fewBoxes = 1000;

/** Both are in order. */
function merge(many: readonly FlowBox[], few: readonly FlowBox[]): FlowBox[] {
  if (few.length > fewBoxes) return [...many, ...few].toSorted(byText);
  const parts: FlowBox[][] = [];
  let begin = 0;
  for (const box of few) {
    let [first, last] = [begin, many.length];
    while (first < last) {
      const middle = (first + last) >> 1;
      if (byText(many[middle] as FlowBox, box) <= 0) first = middle + 1;
      else last = middle;
    }
    parts.push(many.slice(begin, first), [box]);
    begin = first;
  }
  return many.slice(0, 0).concat(...parts, many.slice(begin));
}

export interface SortedBoxes {
  /** Of one address, one address and one value each. */
  exact: FlowBox[];
  layers: FlowBox[][];
}

/** The boxes, all of one address family: none of the exact ones is in a layer's. Equal boxes in any order give equal results. */
export function sortBoxes(boxes: readonly FlowBox[]): SortedBoxes {
  const [single, wide]: [FlowBox[], FlowBox[]] = [[], []];
  for (const box of boxes) (box.isExact ? single : wide).push(box);
  const layers = makeLayers(wide);
  const isCovered = (box: FlowBox) => layers.some((layer) => layer.near(box).some((other) => contains(other, box)));
  // Equal ones are side by side then.
  const exact = FlowBox.inOrder(layers.length === 0 ? single : single.filter((box) => !isCovered(box)));
  return {
    exact: exact.filter((box, index) => index === 0 || !areSame(exact[index - 1] as FlowBox, box)),
    layers: layers.map((layer) => layer.sorted()),
  };
}

/** The boxes, all of one address family, in as few layers as found greedily. Equal boxes in any order give equal layers. */
export function layerBoxes(boxes: readonly FlowBox[]): FlowBox[][] {
  return makeLayers(boxes).map((layer) => layer.sorted());
}

/** Of exact ones. */
function areSame(a: FlowBox, b: FlowBox): boolean {
  return a.from.text === b.from.text && a.to.text === b.to.text && a.values.from === b.values.from && a.kind === b.kind;
}

function makeLayers(boxes: readonly FlowBox[]): Layer[] {
  const sized = boxes.map((box) => ({ box, size: sizeOf(box) }));
  // Large ones first: a box that contains another is then already there.
  sized.sort((a, b) => compare(b.size, a.size) || compare(a.box.text, b.box.text));
  const layers: Layer[] = [];
  for (const { box } of sized) {
    if (layers.some((layer) => layer.near(box).some((other) => contains(other, box)))) continue;
    let layer = layers.find((candidate) => !candidate.near(box).some((other) => overlap(other, box)));
    if (!layer) layers.push((layer = new Layer()));
    layer.add(box);
  }
  return layers;
}

/** Finds what may overlap without looking at everything: by destination where that is one address. */
class Layer {
  #all: FlowBox[] = [];
  #wide: FlowBox[] = [];
  #byDestination = new Map<string, FlowBox[]>();

  add(box: FlowBox): void {
    this.#all.push(box);
    if (!isSingle(box.to)) this.#wide.push(box);
    else if (this.#byDestination.has(box.to.text)) this.#byDestination.get(box.to.text)?.push(box);
    else this.#byDestination.set(box.to.text, [box]);
  }

  near(box: FlowBox): FlowBox[] {
    if (!isSingle(box.to)) return this.#all;
    return [...this.#wide, ...(this.#byDestination.get(box.to.text) ?? [])];
  }

  sorted(): FlowBox[] {
    return FlowBox.inOrder(this.#all);
  }
}

function contains(outer: FlowBox, inner: FlowBox): boolean {
  return (
    outer.kind === inner.kind &&
    outer.values.from <= inner.values.from &&
    outer.values.to >= inner.values.to &&
    outer.to.first <= inner.to.first &&
    outer.to.last >= inner.to.last &&
    outer.from.first <= inner.from.first &&
    outer.from.last >= inner.from.last
  );
}

function overlap(a: FlowBox, b: FlowBox): boolean {
  return (
    a.kind === b.kind &&
    a.values.from <= b.values.to &&
    b.values.from <= a.values.to &&
    a.to.first <= b.to.last &&
    b.to.first <= a.to.last &&
    a.from.first <= b.from.last &&
    b.from.first <= a.from.last
  );
}

function isSingle(range: AddressRange): boolean {
  return range.first === range.last;
}

function sizeOf({ from, to, values }: FlowBox): bigint {
  return (from.last - from.first + 1n) * (to.last - to.first + 1n) * BigInt(values.to - values.from + 1);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
