import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import type { Event } from '../model/event.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { createEvents } from './events.ts';

/** A journal whose disk can be full, and that counts its writes. */
class FullJournal extends MemoryJournal {
  full = false;
  writes = 0;

  override async appendEvents(events: readonly Omit<Event, 'id'>[]): Promise<Event[]> {
    this.writes++;
    if (this.full) throw new CaissonError('failed', 'the disk is full');
    return super.appendEvents(events);
  }
}

function setUp() {
  const journal = new FullJournal();
  const clock = new FakeClock();
  return { journal, clock, events: createEvents({ journal, clock, log: silentLog }) };
}

const started = (name: string) => ({ kind: 'guest-started', message: `${name} was started`, object: `guest/${name}` }) as const;
const messages = (list: Event[]) => list.map((event) => event.message);

describe('events', () => {
  test('events told in one turn are written at once, in order, with time and severity', async () => {
    const { events, journal } = setUp();
    events.emit(started('a'));
    events.emit({ kind: 'guest-crashed', severity: 'error', message: 'b is gone', object: 'guest/b', job: 'j1', actor: 'local' });
    await events.flush();
    assert.equal(journal.writes, 1);
    const time = '2026-01-01T00:00:00.000Z';
    assert.deepEqual(await events.list(), [
      { id: 1, time, severity: 'info', kind: 'guest-started', message: 'a was started', object: 'guest/a' },
      { id: 2, time, severity: 'error', kind: 'guest-crashed', message: 'b is gone', object: 'guest/b', job: 'j1', actor: 'local' },
    ]);
  });

  test('a watcher gets what was written, also what a watcher tells', async () => {
    const { events } = setUp();
    const seen: string[] = [];
    const stop = events.watch((event) => {
      seen.push(event.message);
      if (event.id === 1) events.emit(started('b'));
    });
    events.emit(started('a'));
    await events.flush();
    assert.deepEqual(seen, ['a was started', 'b was started']);
    stop();
    events.emit(started('c'));
    await events.flush();
    assert.equal(seen.length, 2);
  });

  test('a follower gets old and new events without a gap, and ends with its signal or at the close', async () => {
    const { events } = setUp();
    for (const name of ['a', 'b']) events.emit(started(name));
    await events.flush();
    const end = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of events.follow({ after: 1, signal: end.signal })) {
        seen.push(event.message);
        if (seen.length === 1) events.emit(started('c')); // while the reader is busy
        if (seen.length === 3) end.abort();
      }
    })();
    const onlyNew = (async () => {
      const found: string[] = [];
      for await (const event of events.follow({ signal: new AbortController().signal })) found.push(event.message);
      return found;
    })();
    await new Promise((resolve) => setImmediate(resolve));
    events.emit(started('d'));
    await following;
    assert.deepEqual(seen, ['b was started', 'c was started', 'd was started']);
    await events.close();
    assert.deepEqual((await onlyNew).at(-1), 'd was started');
  });

  test('while the journal cannot be written events wait, at most a thousand, and come when it can', async () => {
    const { events, journal, clock } = setUp();
    journal.full = true;
    for (let i = 0; i < 1002; i++) events.emit(started(`g${i}`));
    await events.flush();
    assert.deepEqual(await events.list(), []);
    await clock.advance(5000);
    assert.deepEqual(await events.list(), []);
    journal.full = false;
    await clock.advance(5000);
    const written = messages(await events.list({ limit: 2000 }));
    assert.equal(written.length, 1000);
    assert.equal(written[0], 'g2 was started');
    assert.equal(written.at(-1), 'g1001 was started');
    const { writes } = journal;
    await clock.advance(60_000);
    assert.equal(journal.writes, writes, 'nothing is tried again when nothing waits');
  });
});
