// The site's wish in the store, one object a row, mirrored in memory. The one place that knows the keys and what their rows hold.
// The store is the truth: every change is written there first, and the mirror follows from what was written.
import { CaissonError } from '../lib/errors.ts';
import type { Flow } from '../model/flow.ts';
import { guestRecordSchema, type GuestRecord, type WantedPower } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Image } from '../model/image.ts';
import { readOldGuest, readOldSpec } from '../model/old-guests.ts';
import type { Site } from '../model/site.ts';
import type { Zone } from '../model/zone.ts';
import { type Expected, maxTransactionBytes, maxTransactionKeys, type Store, type Write } from '../store/store.ts';

export interface ZoneRecord {
  /** 0 … 4095, kept for the zone's life. */
  index: number;
  zone: Zone;
}

interface SiteRow {
  version: 1;
  site: string;
  timezone: string;
  overcommitMemory?: boolean | undefined;
}

/** Numbers that are given once and not again. */
interface Counters {
  nextUserOffset: number;
}

export type SiteWrite = Write;

const emptySite: SiteRow = { version: 1, site: 'site', timezone: 'UTC' };

export class SiteStore {
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  readonly #revisions = new Map<string, number>();
  #site: SiteRow = emptySite;
  #defined = false;
  #flows: Flow[] = [];
  #counters: Counters = { nextUserOffset: 0 };
  readonly #zones = new Map<string, ZoneRecord>();
  readonly #images = new Map<string, Image>();
  readonly #guests = new Map<string, GuestRecord>();
  readonly #uids = new Map<string, string>();
  #revision = 0;
  #networkVersion = 0;

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open(store: Store): Promise<SiteStore> {
    const opened = new SiteStore(store);
    const { revision, rows } = await store.list('');
    for (const row of rows) opened.#take(row.key, row.value, row.revision);
    opened.#revision = revision;
    return opened;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The wish as one document, guests by name in order of their names. */
  site(): Site {
    const guests = [...this.#guests.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return {
      ...this.#site,
      zones: Object.fromEntries([...this.#zones].map(([name, record]) => [name, record.zone])),
      flows: this.#flows,
      images: Object.fromEntries(this.#images),
      guests: Object.fromEntries(guests.map((guest) => [guest.name, guest.spec])),
    };
  }

  /** Another number whenever something has changed that the guests' network depends on. */
  get networkVersion(): number {
    return this.#networkVersion;
  }

  /** False before the first apply. */
  get isDefined(): boolean {
    return this.#defined;
  }

  get name(): string {
    return this.#site.site;
  }

  /** Whether guests may be promised more memory than there is. */
  get overcommitsMemory(): boolean {
    return this.#site.overcommitMemory ?? false;
  }

  get flows(): readonly Flow[] {
    return this.#flows;
  }

  get counters(): Readonly<Counters> {
    return this.#counters;
  }

  get zones(): ReadonlyMap<string, ZoneRecord> {
    return this.#zones;
  }

  get images(): ReadonlyMap<string, Image> {
    return this.#images;
  }

  /** By uid. */
  get guests(): ReadonlyMap<string, GuestRecord> {
    return this.#guests;
  }

  /** A guest by name or uid. Throws `not-found`. */
  guest(nameOrUid: string): GuestRecord {
    const found = this.#guests.get(this.#uids.get(nameOrUid) ?? nameOrUid);
    if (!found) throw new CaissonError('not-found', `no guest is called “${nameOrUid}”; “caisson guest list” shows all`);
    return found;
  }

  findGuest(name: string): GuestRecord | undefined {
    const uid = this.#uids.get(name);
    return uid === undefined ? undefined : this.#guests.get(uid);
  }

  /** The file as last applied; undefined before the first apply. */
  async applied(): Promise<Site | undefined> {
    const { rows } = await this.#store.list('applied/');
    if (rows.length === 0) return undefined;
    const site: Site = { ...emptySite, zones: {}, flows: [], images: {}, guests: {} };
    for (const row of rows) {
      const [, kind, name] = row.key.split('/');
      if (kind === 'site') Object.assign(site, row.value);
      else if (kind === 'flows') site.flows = row.value as Flow[];
      else if (kind === 'guests' && name) site.guests[name] = readOldSpec(row.value) as GuestSpec;
      else if (kind && name) (site[kind as 'zones'] as Record<string, unknown>)[name] = row.value;
    }
    return site;
  }

  /** Writes that make `site` the file as last applied. */
  async appliedWrites(site: Site): Promise<SiteWrite[]> {
    const wanted = new Map<string, unknown>([
      ['applied/site', siteRow(site)],
      ['applied/flows', site.flows],
      ...(['zones', 'images', 'guests'] as const).flatMap((kind) =>
        Object.entries(site[kind]).map(([name, value]): [string, unknown] => [`applied/${kind}/${name}`, value]),
      ),
    ]);
    const { rows } = await this.#store.list('applied/');
    const present = new Map(rows.map((row) => [row.key, row.json]));
    return [
      ...[...wanted]
        .filter(([key, value]) => present.get(key) !== JSON.stringify(value))
        .map(([key, value]): SiteWrite => ({ key, expected: 'any', value })),
      ...[...present.keys()].filter((key) => !wanted.has(key)).map((key): SiteWrite => ({ key, expected: 'any', delete: true })),
    ];
  }

  /** After its last guest, zone and image: there is no site any more, as before the first apply. */
  async forget(): Promise<void> {
    const { rows } = await this.#store.list('applied/');
    const own = ['site', 'flows'].filter((key) => this.#revisions.has(key)).map((key) => this.erase(key));
    await this.commit([...rows.map((row): SiteWrite => ({ key: row.key, expected: 'any', delete: true })), ...own]);
  }

  /** The write of one object, expecting that nobody changed it since it was read here. */
  write(key: string, value: unknown): SiteWrite {
    return { key, expected: this.#expected(key), value };
  }

  erase(key: string): SiteWrite {
    return { key, expected: this.#expected(key), delete: true };
  }

  /**
   * Commits writes in order, in as few transactions as the store's limits allow. A crash in between leaves a prefix, so callers put
   * what others refer to first. Throws `conflict` when somebody else was faster.
   */
  async commit(writes: readonly SiteWrite[]): Promise<void> {
    for (const batch of batches(writes)) {
      const revision = await this.#store.transaction({ writes: batch });
      for (const write of batch) {
        if ('delete' in write) this.#forget(write.key);
        else this.#take(write.key, write.value, revision);
      }
      this.#revision = revision;
    }
    if (writes.length > 0) for (const listener of this.#listeners) listener();
  }

  /** Changes one guest's record. */
  async updateGuest(uid: string, change: Partial<GuestRecord>): Promise<GuestRecord> {
    const updated = { ...this.guest(uid), ...change };
    await this.commit([this.write(`guest/${uid}`, updated)]);
    return updated;
  }

  /** What the guest's power should be from now on. */
  async want(uid: string, wantedPower: WantedPower): Promise<void> {
    if (this.guest(uid).wantedPower !== wantedPower) await this.updateGuest(uid, { wantedPower });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #expected(key: string): Expected {
    return this.#revisions.get(key) ?? 'absent';
  }

  #take(key: string, value: unknown, revision: number): void {
    this.#revisions.set(key, revision);
    if (!key.startsWith('guest/') && !key.startsWith('image/') && !key.startsWith('applied/')) this.#networkVersion++;
    const slash = key.indexOf('/');
    const kind = slash === -1 ? key : key.slice(0, slash);
    const name = key.slice(slash + 1);
    if (kind === 'site') {
      this.#site = value as SiteRow;
      this.#defined = true;
    } else if (kind === 'flows') this.#flows = value as Flow[];
    else if (kind === 'counters') this.#counters = value as Counters;
    else if (kind === 'zone') this.#zones.set(name, value as ZoneRecord);
    else if (kind === 'image') this.#images.set(name, value as Image);
    else if (kind === 'guest') this.#takeGuest(guestRecordSchema.parse(readOldGuest(value)));
  }

  #takeGuest(record: GuestRecord): void {
    const before = this.#guests.get(record.uid);
    if (before === undefined || ofNetwork(before) !== ofNetwork(record)) this.#networkVersion++;
    if (before && before.name !== record.name) this.#uids.delete(before.name);
    this.#guests.set(record.uid, record);
    this.#uids.set(record.name, record.uid);
  }

  #forget(key: string): void {
    this.#revisions.delete(key);
    this.#networkVersion++;
    const [kind, name = ''] = key.split('/');
    if (kind === 'site') {
      this.#site = emptySite;
      this.#defined = false;
    } else if (kind === 'flows') this.#flows = [];
    else if (kind === 'zone') this.#zones.delete(name);
    else if (kind === 'image') this.#images.delete(name);
    else if (kind === 'guest') {
      const record = this.#guests.get(name);
      if (record && this.#uids.get(record.name) === name) this.#uids.delete(record.name);
      this.#guests.delete(name);
    }
  }
}

/** What the guests' network is planned from, of one guest. */
function ofNetwork({ name, spec, addresses, hardware }: GuestRecord): string {
  return JSON.stringify([name, spec, addresses, hardware]);
}

/** The site without what has rows of its own. */
export function siteRow({ version, site, timezone, overcommitMemory }: Site): SiteRow {
  return { version, site, timezone, ...(overcommitMemory === undefined ? {} : { overcommitMemory }) };
}

function* batches(writes: readonly SiteWrite[]): Iterable<SiteWrite[]> {
  let batch: SiteWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = write.key.length + ('delete' in write ? 0 : Buffer.byteLength(JSON.stringify(write.value)));
    if (batch.length >= maxTransactionKeys || (batch.length > 0 && bytes + size > maxTransactionBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(write);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
