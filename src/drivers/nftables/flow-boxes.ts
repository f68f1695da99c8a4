// Flows as boxes: (from addresses) × (to addresses) × kind × values, sorted into layers in which no two boxes overlap.
// The kernel's set of concatenated ranges refuses an element that overlaps another, and people's flows overlap all the time
// (`zone:external → dns`, `web → dns`); so a box inside another is left out, and one that overlaps goes to the next layer.
// A packet is looked up once in each layer; sites need one or two, however many guests and flows they have.
import type { AddressRange } from './address-range.ts';

export interface FlowBox {
  from: AddressRange;
  to: AddressRange;
  /** `echo`: asking for an echo; `type`: another ICMP type; `number`: an IP kind by its number. */
  kind: 'tcp' | 'udp' | 'echo' | 'type' | 'number';
  /** Inclusive: values, the type, the number; 0 of an echo. */
  values: { from: number; to: number };
  comment: string;
}

/** The boxes, all of one address family, in as few layers as found greedily. Equal boxes in any order give equal layers. */
export function layerBoxes(boxes: readonly FlowBox[]): FlowBox[][] {
  const sized = boxes.map((box) => ({ box, size: sizeOf(box), text: textOf(box) }));
  // Large ones first: a box that contains another is then already there.
  sized.sort((a, b) => compare(b.size, a.size) || compare(a.text, b.text));
  const layers: Layer[] = [];
  for (const { box, text } of sized) {
    if (layers.some((layer) => layer.near(box).some((other) => contains(other, box)))) continue;
    let layer = layers.find((candidate) => !candidate.near(box).some((other) => overlap(other, box)));
    if (!layer) layers.push((layer = new Layer()));
    layer.add(box, text);
  }
  return layers.map((layer) => layer.sorted());
}

/** Finds what may overlap without looking at everything: by destination where that is one address. */
class Layer {
  #all: FlowBox[] = [];
  #texts = new Map<FlowBox, string>();
  #wide: FlowBox[] = [];
  #byDestination = new Map<string, FlowBox[]>();

  add(box: FlowBox, text: string): void {
    this.#all.push(box);
    this.#texts.set(box, text);
    if (!isSingle(box.to)) this.#wide.push(box);
    else if (this.#byDestination.has(box.to.text)) this.#byDestination.get(box.to.text)?.push(box);
    else this.#byDestination.set(box.to.text, [box]);
  }

  near(box: FlowBox): FlowBox[] {
    if (!isSingle(box.to)) return this.#all;
    return [...this.#wide, ...(this.#byDestination.get(box.to.text) ?? [])];
  }

  sorted(): FlowBox[] {
    return this.#all.toSorted((a, b) => compare(this.#texts.get(a) ?? '', this.#texts.get(b) ?? ''));
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

function textOf({ from, to, kind, values, comment }: FlowBox): string {
  return `${from.text} ${to.text} ${kind} ${values.from}-${values.to} ${comment}`;
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
