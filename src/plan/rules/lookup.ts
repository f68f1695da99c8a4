// Looking a packet up in a set or map: in all of what is asked about at once. Elements are found by their parts that are the same for all
// of it, each value looked for only once; the others say where along it they hold.
import { type Field, type Reading, withinAll } from './fields.ts';
import { type Ranges, intersect, none, subtract, unite, whole } from './l4-ranges.ts';
import type { Branch } from './packet.ts';
import type { Json } from './ruleset.ts';
import { type Bounds, type Value, isWithin, readBounds } from './values.ts';

export interface Element {
  parts: readonly Bounds[];
  /** Of a map. */
  data?: Json;
  comment?: string;
  /** Where it holds, by which of its parts differ along it. */
  along: Map<number, { hit: Ranges; unsure: Ranges }>;
}

interface Found {
  /** Where it can be looked up at all. */
  within: Ranges;
  hit: Ranges;
  unsure: Ranges;
}

const nothing: Found = { within: none, hit: none, unsure: none };

export class Lookup {
  readonly #fields: readonly Field[];
  readonly #elements: Element[] = [];
  readonly #isStrange: boolean;
  readonly #indexes: PartIndex[];

  /** `elements` as nft says them; `isMap`: each with what it leads to. */
  constructor(fields: readonly Field[], elements: readonly Json[], isMap: boolean) {
    this.#fields = fields;
    const read = elements.map((json) => readElement(fields, json, isMap));
    this.#elements = read.filter((element) => element !== undefined);
    this.#isStrange = this.#elements.length < elements.length;
    this.#indexes = fields.map((_, part) => new PartIndex(this.#elements, part));
  }

  /** One element that nft does not call a set. */
  static ofBounds(fields: readonly Field[], parts: readonly Bounds[]): Lookup {
    const lookup = new Lookup(fields, [], false);
    lookup.#elements.push({ parts, along: new Map() });
    return lookup;
  }

  find(branch: Branch): Found {
    const readings = this.#fields.map((field) => field.read(branch));
    const within = withinAll(readings);
    if (within.length === 0) return nothing;
    if (this.#isStrange || readings.some((reading) => reading.is === 'unknown')) return { within, hit: none, unsure: within };
    const places = this.#matching(readings).map((element) => along(element, readings, branch));
    const hit = intersect(within, unite(places.map((place) => place.hit)));
    const unsure = places.some((place) => place.unsure.length > 0)
      ? subtract(intersect(within, unite(places.map((place) => place.unsure))), hit)
      : none;
    return { within, hit, unsure };
  }

  /** Each element that holds somewhere within `ranges`. */
  each(branch: Branch, ranges: Ranges): { element: Element; ranges: Ranges }[] | 'unsure' {
    const readings = this.#fields.map((field) => field.read(branch));
    const within = intersect(ranges, withinAll(readings));
    if (within.length === 0) return [];
    if (this.#isStrange || readings.some((reading) => reading.is === 'unknown')) return 'unsure';
    const found = this.#matching(readings).map((element) => ({ element, place: along(element, readings, branch) }));
    if (found.some(({ place }) => intersect(within, place.unsure).length > 0)) return 'unsure';
    return found.map(({ element, place }) => ({ element, ranges: intersect(within, place.hit) })).filter((each) => each.ranges.length > 0);
  }

  #matching(readings: readonly Reading[]): Element[] {
    let fewest: readonly Element[] = this.#elements;
    for (const [part, reading] of readings.entries()) {
      if (reading.is !== 'value' || this.#elements.length === 1) continue;
      const candidates = (this.#indexes[part] as PartIndex).candidates(reading.value);
      if (candidates.length < fewest.length) fewest = candidates;
    }
    return fewest.filter(({ parts }) =>
      readings.every((reading, part) => reading.is !== 'value' || isWithin(parts[part] as Bounds, reading.value)),
    );
  }
}

/** Elements by the value of one of their parts. */
class PartIndex {
  readonly #elements: readonly Element[];
  readonly #part: number;
  readonly #known = new Map<Value, readonly Element[]>();
  #exact: Map<Value, Element[]> | undefined;
  readonly #wide: Element[] = [];

  constructor(elements: readonly Element[], part: number) {
    this.#elements = elements;
    this.#part = part;
  }

  candidates(value: Value): readonly Element[] {
    let found = this.#known.get(value);
    if (!found) {
      const exact = this.#index().get(value) ?? [];
      found = [...exact, ...this.#wide.filter(({ parts }) => isWithin(parts[this.#part] as Bounds, value))];
      this.#known.set(value, found);
    }
    return found;
  }

  #index(): Map<Value, Element[]> {
    if (this.#exact) return this.#exact;
    const exact = new Map<Value, Element[]>();
    for (const element of this.#elements) {
      const value = onlyValue(element.parts[this.#part] as Bounds);
      if (value === undefined) this.#wide.push(element);
      else if (exact.has(value)) exact.get(value)?.push(element);
      else exact.set(value, [element]);
    }
    return (this.#exact = exact);
  }
}

function onlyValue(bounds: Bounds): Value | undefined {
  if ('text' in bounds) return bounds.isPrefix ? undefined : bounds.text;
  return bounds.first === bounds.last ? bounds.first : undefined;
}

function along(element: Element, readings: readonly Reading[], { packet }: Branch): { hit: Ranges; unsure: Ranges } {
  let key = packet.axis === 'sport' ? 1 : 0;
  for (const [part, { is }] of readings.entries()) if (is === 'axis') key |= 2 << part;
  let place = element.along.get(key);
  if (!place) {
    let hit: Ranges = whole;
    let perhaps: Ranges = whole;
    for (const [part, reading] of readings.entries()) {
      if (reading.is !== 'axis') continue;
      const bounds = element.parts[part] as Bounds;
      const holds = 'text' in bounds ? none : reading.of(Number(bounds.first), Number(bounds.last));
      hit = intersect(hit, holds);
      perhaps = intersect(perhaps, reading.unsure.length > 0 ? unite([holds, reading.unsure]) : holds);
    }
    place = { hit, unsure: perhaps === hit ? none : subtract(perhaps, hit) };
    element.along.set(key, place);
  }
  return place;
}

/** Undefined for what is not understood. */
function readElement(fields: readonly Field[], json: Json, isMap: boolean): Element | undefined {
  const [key, data] = isMap && Array.isArray(json) ? [json[0] ?? null, json[1] ?? null] : [json, undefined];
  if (isMap !== (data !== undefined)) return undefined;
  const wrapped = record(record(key)?.['elem']);
  const comment = wrapped?.['comment'];
  const inner = wrapped?.['val'] ?? key;
  const concat = record(inner)?.['concat'];
  const texts = Array.isArray(concat) ? concat : [inner];
  if (texts.length !== fields.length) return undefined;
  const parts = texts.map((text, part) => readBounds((fields[part] as Field).kind, text));
  if (!parts.every((part) => part !== undefined)) return undefined;
  return { parts, ...(data !== undefined && { data }), ...(typeof comment === 'string' && { comment }), along: new Map() };
}

function record(json: Json | undefined): Record<string, Json> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
}
