import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEventParser, type ServerSentEvent } from './event-parser.ts';

const parseAll = (...texts: string[]): ServerSentEvent[] => {
  const parse = createEventParser();
  return texts.flatMap((text) => parse(text));
};

test('an event ends with an empty line; comments and unknown fields are skipped', () => {
  assert.deepEqual(parseAll(':hello\n\nid: 4\nretry: 5\ndata: {"a":1}\n\n', 'data: half'), [
    { event: 'message', data: '{"a":1}', id: '4' },
  ]);
});

test('several data lines are one text, the event’s name holds for one event, the id until the next', () => {
  assert.deepEqual(parseAll('id: 1\nevent: problem\ndata: a\ndata: b\n\ndata:c\n\n'), [
    { event: 'problem', data: 'a\nb', id: '1' },
    { event: 'message', data: 'c', id: '1' },
  ]);
});

test('an event without data is none', () => {
  assert.deepEqual(parseAll('event: x\nid: 9\n\ndata: y\n\n'), [{ event: 'message', data: 'y', id: '9' }]);
});

test('it does not matter where the text is cut', () => {
  const text = 'id: 1\r\ndata: first\r\n\r\n:\n\nid: 2\nevent: problem\ndata: second\n\nid: 3\rdata: third\r\rdata: end\n\n';
  const whole = parseAll(text);
  assert.equal(whole.length, 4);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      assert.deepEqual(parseAll(...places.slice(1).map((end, index) => text.slice(places[index], end))), whole);
    }),
    { seed: 1 },
  );
});
