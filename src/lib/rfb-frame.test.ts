import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { decodePng, unlikeTheFirst } from '../../test/picture.ts';
import { encodePng } from './png.ts';
import { readFrame } from './rfb-frame.ts';

const greeting = 'RFB 003.008\n';
const noPassword = Buffer.from([1, 1]);
const accepted = Buffer.alloc(4);

function server(width: number, height: number, name: string, saidLength = Buffer.byteLength(name)): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt16BE(width, 0);
  head.writeUInt16BE(height, 2);
  head.writeUInt32BE(saidLength, 20);
  return Buffer.concat([head, Buffer.from(name)]);
}

function update(...rectangles: Buffer[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(rectangles.length, 2);
  return Buffer.concat([head, ...rectangles]);
}

function rectangle(x: number, y: number, width: number, height: number, colour: readonly number[], encoding = 0): Buffer {
  const head = Buffer.alloc(12);
  for (const [index, value] of [x, y, width, height].entries()) head.writeUInt16BE(value, index * 2);
  head.writeInt32BE(encoding, 8);
  return Buffer.concat([head, ...Array.from({ length: width * height }, () => Buffer.from([...colour, 0]))]);
}

function resized(width: number, height: number): Buffer {
  return rectangle(0, 0, width, height, [], -223).subarray(0, 12);
}

/** A server that says this, whatever it is asked, and then ends. */
function saying(...parts: (string | Buffer)[]) {
  const [ours, theirs] = duplexPair();
  ours.on('error', () => undefined);
  ours.resume();
  for (const part of parts) ours.write(part);
  ours.end();
  return theirs;
}

const start = [greeting, noPassword, accepted] as const;

test('a picture comes in pieces, in any order, between other things that are said', async () => {
  const text = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 5]), Buffer.from('hello')]);
  const colours = Buffer.from([1, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6]);
  const all = Buffer.concat([
    Buffer.from(greeting),
    noPassword,
    accepted,
    server(3, 2, 'guest'),
    update(rectangle(1, 1, 2, 1, [4, 5, 6])),
    Buffer.from([2]),
    text,
    colours,
    update(rectangle(0, 0, 3, 1, [1, 2, 3]), rectangle(0, 1, 1, 1, [7, 8, 9])),
  ]);
  const frame = await readFrame(saying(...Array.from(all, (byte) => Buffer.from([byte]))));
  assert.deepEqual([frame.width, frame.height], [3, 2]);
  assert.deepEqual([...frame.rgb], [1, 2, 3, 1, 2, 3, 1, 2, 3, 7, 8, 9, 4, 5, 6, 4, 5, 6]);
  const decoded = decodePng(await encodePng(frame));
  assert.deepEqual(decoded, frame);
  assert.equal(unlikeTheFirst(decoded), 3);
});

test('a screen that changes its size while it is looked at is asked again, and shown as it is then', async () => {
  const [ours, theirs] = duplexPair();
  const askedFor = (width: number, height: number) => Buffer.from([3, 0, 0, 0, 0, 0, 0, width, 0, height]);
  const answers: [asked: Buffer, said: Buffer][] = [
    [askedFor(3, 2), update(rectangle(0, 0, 3, 1, [9, 9, 9]), resized(2, 1))],
    [askedFor(2, 1), update(rectangle(0, 0, 2, 1, [1, 2, 3]))],
  ];
  let heard = Buffer.alloc(0);
  ours.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
    if (answers[0] && heard.includes(answers[0][0])) ours.write(answers.shift()?.[1]);
  });
  for (const part of [...start, server(3, 2, '')]) ours.write(part);
  const frame = await readFrame(theirs);
  assert.deepEqual([frame.width, frame.height, ...frame.rgb], [2, 1, 1, 2, 3, 1, 2, 3]);
  assert.deepEqual(answers, []);
});

const one = [1, 2, 3] as const;
const lies: [string, (string | Buffer)[], RegExp][] = [
  ['is no server of screens', ['HTTP/1.1 400 Bad Request\r\n'], /not the protocol/],
  ['is of a version that nobody knows', ['RFB 004.001\n'], /not the protocol/],
  ['wants a password', [greeting, Buffer.from([1, 2])], /wants a password/],
  ['offers nothing', [greeting, Buffer.from([0, 0, 0, 0])], /wants a password/],
  ['refuses', [greeting, noPassword, Buffer.from([0, 0, 0, 1])], /refuses/],
  ['is of no size', [...start, server(0, 10, '')], /0 × 10 pixels/],
  ['is larger than any card can show', [...start, server(65_535, 65_535, '')], /65535 × 65535 pixels/],
  ['has a name without end', [...start, server(2, 2, '', 2 ** 32 - 1)], /4294967295 bytes/],
  ['draws beyond the edge', [...start, server(2, 2, ''), update(rectangle(1, 0, 2, 1, one))], /beyond its edges/],
  ['draws in a way that was not asked for', [...start, server(2, 2, ''), update(rectangle(0, 0, 2, 2, one, 7))], /not asked for/],
  ['says what there is not', [...start, server(2, 2, ''), Buffer.from([250])], /\(250\)/],
  ['says a text without end', [...start, server(2, 2, ''), Buffer.from([3, 0, 0, 0, 255, 255, 255, 255])], /4294967295 bytes/],
  ['never draws', [...start, server(2, 2, ''), Buffer.alloc(200_001, 2)], /never comes to its end/],
  [
    'draws nothing again and again',
    [
      ...start,
      server(2, 2, ''),
      ...Array.from({ length: 5 }, () => update(...Array.from({ length: 30_000 }, () => rectangle(0, 0, 0, 0, one)))),
    ],
    /never comes to its end/,
  ],
  ['takes a size of nothing', [...start, server(2, 2, ''), update(resized(0, 2))], /0 × 2 pixels/],
  [
    'never keeps its size',
    [...start, server(2, 2, ''), ...Array.from({ length: 21 }, () => update(resized(2, 2)))],
    /never keeps its size/,
  ],
  ['ends in the middle', [...start, server(2, 2, ''), update(rectangle(0, 0, 2, 1, one))], /ended in the middle/],
];
for (const [what, parts, said] of lies)
  test(`a server that ${what} is refused`, async () => {
    const stream = saying(...parts);
    await assert.rejects(readFrame(stream), { code: 'unavailable', message: said });
    assert.equal(stream.destroyed, true);
  });
