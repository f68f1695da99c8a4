import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../src/model/guest-status.ts';
import type { ZoneCheck } from '../../src/model/zone-check.ts';
import { makeReport, renderReport, thingsToTry } from './report.ts';

const guest = (name: string, ready: boolean) =>
  ({
    name,
    uid: 'gaaaaaaaaaa',
    spec: { zone: 'external', service: { ports: ['tcp/80', 'tcp/22'] } },
    status: {
      power: 'running',
      ready,
      reason: ready ? '' : 'HTTP :80/ does not answer',
      readyAfterMs: 23_400,
      memoryBytes: 300 * 2 ** 20,
      pid: 7,
      nics: [{ zone: 'external', addresses: ['192.0.2.10'] }],
    },
  }) as unknown as Guest;

const line = { from: 'world', to: 'web', address: '192.0.2.10', port: 'tcp/80', expected: 'open', got: 'open' } as const;
const refused = { ...line, port: 'tcp/3306', expected: 'refused', got: 'refused' } as const;
const control = { from: 'dns', to: 'web', port: 'tcp/3306', sawItOpen: true, sawItClosedAgain: true };
const good: ZoneCheck = { ok: true, checkedAt: '2026-01-01T00:00:00.000Z', checks: [line, refused], untried: [], control };
const wrongRules = {
  ok: false,
  checkedAt: good.checkedAt,
  trials: 1,
  addresses: 1,
  differences: [
    {
      about: 'new' as const,
      from: 'web',
      to: 'world',
      address: '203.0.113.7',
      ports: 'tcp/25',
      expected: 'refused' as const,
      decided: 'open' as const,
      why: 'a new connection',
    },
  ],
  moreDifferences: 7,
  others: [],
};
const api = 'http://127.0.0.1:8470/v1';
const token = '/var/lib/caisson-demo/api-token';

test('all ready and all as the flows say is well', () => {
  const report = makeReport({ api, token, guests: [guest('web', true)], check: good });
  assert.equal(report.ok, true);
  assert.deepEqual(report.guests[0]?.addresses, ['192.0.2.10']);
  const text = renderReport(report).join('\n');
  assert.match(text, /^web +external +192\.0\.2\.10 +tcp\/80 tcp\/22 +23\.4 s +300\.?0? MiB/m);
  assert.match(text, /^Page: http:\/\/127\.0\.0\.1:8470\/ \(way in: .*api-token\)$/m);
  assert.match(text, /2 of 2 connections as the site file says; the control flow dns → web tcp\/3306 was seen open/);
});

const faults: [string, Parameters<typeof makeReport>[0], RegExp][] = [
  ['a guest that is not ready', { api, token, guests: [guest('web', false)], check: good }, /web is not ready: HTTP :80\/ does not answer/],
  [
    'an open port that should be refused',
    { api, token, guests: [], check: { ...good, checks: [{ ...refused, got: 'open' }] } },
    /tcp\/3306 should be refused and is open/,
  ],
  [
    'an unknown answer where refusal is wanted',
    { api, token, guests: [], check: { ...good, checks: [{ ...refused, got: 'unknown', detail: 'the agent is silent' }] } },
    /1 connections could not be tried from world: the agent is silent/,
  ],
  [
    'a control that saw nothing',
    { api, token, guests: [], check: { ...good, control: { ...control, sawItOpen: false } } },
    /did not see the flow/,
  ],
  [
    'a guest that could not be tried from',
    { api, token, guests: [], check: { ...good, untried: [{ from: 'dns', why: 'the agent is silent' }] } },
    /nothing could be tried from dns: the agent is silent/,
  ],
  [
    'rules in force that are decided otherwise',
    { api, token, guests: [], check: { ...good, ok: false, rules: wrongRules } },
    /the rules in force: web → world \(203\.0\.113\.7\) tcp\/25 should be refused and is open \(a new connection\)\n.*7 more/,
  ],
  ['a check that tried nothing', { api, token, guests: [], check: { ...good, checks: [] } }, /tried nothing/],
];
for (const [what, input, expected] of faults) {
  test(`${what} is not well`, () => {
    const report = makeReport(input);
    assert.equal(report.ok, false);
    assert.match(report.problems.join('\n'), expected);
  });
}

test('a datagram that is allowed and not answered is no fault', () => {
  const silent = { ...line, port: 'udp/53', got: 'unknown' } as const;
  assert.equal(makeReport({ api, token, guests: [guest('web', true)], check: { ...good, checks: [silent] } }).ok, true);
});

test('what to try is one command for each port that the world may reach, and one that is refused', () => {
  const sixth = { ...line, address: '2001:db8:1::10' };
  const hidden = { ...line, to: 'app', address: '2001:db8:2::5', expected: 'refused', got: 'refused' } as const;
  const commands = thingsToTry({ checks: [line, sixth, refused, { ...line, port: 'tcp/22' }, hidden] });
  assert.deepEqual(
    commands.map((text) => text.replace(/ +#/, ' #')),
    [
      'curl http://192.0.2.10/ # web',
      'ssh 192.0.2.10 # web',
      'curl --max-time 3 http://[2001:db8:2::5]/ # app: refused, no flow allows it',
    ],
  );
});
