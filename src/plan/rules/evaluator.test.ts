// Rules as nft tells them, decided by hand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NetworkState } from '../../model/network-state.ts';
import { Evaluator } from './evaluator.ts';
import { describeL4, ofProtocol, unite, whole } from './l4-ranges.ts';
import type { Packet } from './packet.ts';
import { Routes } from './routes.ts';
import { readRuleset } from './ruleset.ts';
import { toValue } from './values.ts';

const state: NetworkState = {
  site: 'lab',
  zones: [
    { name: 'one', index: 0, subnets: ['10.1.0.0/24'], gateways: ['10.1.0.1'], hostAddresses: ['10.1.0.1'], uplink: { interface: 'eth1' } },
  ],
  nics: [{ guest: 'g', guestName: 'web', zone: 'one', tap: 'tap1', mac: '52:54:00:00:00:01', addresses: ['10.1.0.5'] }],
  flows: [],
  publications: [],
};
const packet: Packet = {
  family: 4,
  iif: 'eth1',
  mac: 0,
  source: toValue('203.0.113.9'),
  destination: toValue('10.1.0.5'),
  l4: whole,
  axis: 'dport',
  otherPort: 40_000,
  connection: { state: 'new', isReply: false, mark: 0 },
  tcpFlags: 2,
  headerLength: 5,
  isFragment: false,
  hopLimit: 64,
};
const mark = { mangle: { key: { meta: { key: 'mark' } }, value: 0xca150000 } };
const base = (name: string, hook: string, prio: number, policy: string) => ({
  chain: { family: 'inet', table: 't', name, type: 'filter', hook, prio, policy },
});
const chain = (name: string) => ({ chain: { family: 'inet', table: 't', name } });
const rule = (inChain: string, ...expr: unknown[]) => ({ rule: { family: 'inet', table: 't', chain: inChain, handle: 1, expr } });
const seen = [base('first', 'prerouting', -300, 'accept'), rule('first', mark)];
const port = { payload: { protocol: 'tcp', field: 'dport' } };
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });

/** What passes of a packet, and what cannot be decided. */
function decide(entries: unknown[], more: Partial<Packet> = {}): { passes: string; undecided: string } {
  const evaluator = new Evaluator(readRuleset(JSON.stringify({ nftables: [...seen, ...entries] })), new Routes(state));
  const outcomes = evaluator.evaluate({ ...packet, ...more });
  const ranges = (is: string) => describeL4(unite(outcomes.filter(({ end }) => end.is === is).map((outcome) => outcome.ranges)));
  return { passes: ranges('delivered'), undecided: ranges('undecided') };
}

describe('the evaluator', () => {
  test('without rules everything passes that is routed, and what no rule has marked is not', () => {
    assert.deepEqual(decide([]), { passes: 'everything', undecided: '' });
    const evaluator = new Evaluator(readRuleset('{"nftables":[]}'), new Routes(state));
    assert.deepEqual(
      evaluator.evaluate(packet).map(({ end }) => end.is),
      ['refused'],
    );
  });

  test('goes through base chains by priority, each of which can refuse, and by their policy', () => {
    const late = [base('late', 'forward', 10, 'accept'), rule('late', match(port, 81), { drop: null })];
    const early = [base('early', 'forward', -10, 'drop'), rule('early', match(port, { range: [80, 82] }), { accept: null })];
    assert.equal(decide([...late, ...early]).passes, 'tcp/80, tcp/82');
  });

  test('jumps come back, and do not after a goto', () => {
    const calls = (verdict: string) => [
      base('main', 'forward', 0, 'drop'),
      chain('inner'),
      rule('main', match(port, { range: [1, 9] }), { [verdict]: { target: 'inner' } }),
      rule('main', match(port, 5), { accept: null }),
      rule('main', match(port, 50), { accept: null }),
      rule('inner', match(port, 3), { accept: null }),
      rule('inner', match(port, 5), { return: null }),
    ];
    assert.equal(decide(calls('jump')).passes, 'tcp/3, tcp/5, tcp/50');
    assert.equal(decide(calls('goto')).passes, 'tcp/3, tcp/50');
  });

  test('chooses by verdict maps, and goes on where they say nothing', () => {
    const map = [
      [22, { drop: null }],
      [{ range: [80, 90] }, { goto: { target: 'web' } }],
    ];
    const entries = [
      base('main', 'forward', 0, 'accept'),
      chain('web'),
      rule('main', { vmap: { key: port, data: { set: map } } }),
      rule('main', match(port, 23), { drop: null }),
      rule('web', match(port, 85), { drop: null }),
    ];
    assert.equal(decide(entries, { l4: ofProtocol(6, 20, 100) }).passes, 'tcp/20-21, tcp/24-84, tcp/86-100');
  });

  test('looks up concatenated intervals, prefixes and negations, and only in packets that have what is asked for', () => {
    const key = {
      concat: [
        { payload: { protocol: 'ip', field: 'saddr' } },
        { meta: { key: 'l4proto' } },
        { payload: { protocol: 'th', field: 'dport' } },
      ],
    };
    const elem = [
      { elem: { val: { concat: [{ prefix: { addr: '203.0.113.0', len: 24 } }, 6, { range: [80, 90] }] }, comment: 'world' } },
      { concat: ['198.51.100.7', { range: [6, 17] }, 53] },
    ];
    const entries = [
      {
        set: { family: 'inet', table: 't', name: 'allowed', type: ['ipv4_addr', 'inet_proto', 'inet_service'], flags: ['interval'], elem },
      },
      base('main', 'forward', 0, 'drop'),
      rule('main', match(key, '@allowed'), { accept: null }),
    ];
    assert.equal(decide(entries).passes, 'tcp/80-90');
    assert.equal(decide(entries, { source: toValue('198.51.100.7') }).passes, 'tcp/53, udp/53');
    const others = [
      base('main', 'forward', 0, 'drop'),
      rule('main', match({ payload: { protocol: 'udp', field: 'sport' } }, 68, '!='), { accept: null }),
    ];
    assert.equal(decide(others).passes, 'udp');
    const ip6 = [
      base('main', 'forward', 0, 'drop'),
      rule('main', match({ payload: { protocol: 'ip6', field: 'daddr' } }, '::1', '!='), { accept: null }),
    ];
    assert.equal(decide(ip6).passes, '');
  });

  test('knows states and marks of connections, once they are tracked', () => {
    const accepts = (...expr: unknown[]) => [base('main', 'forward', 0, 'drop'), rule('main', ...expr, { accept: null })];
    const state2 = { match: { op: 'in', left: { ct: { key: 'state' } }, right: [2, 8] } };
    const marked = match({ ct: { key: 'mark' } }, 7);
    assert.equal(decide(accepts(state2, marked)).passes, '');
    assert.equal(decide(accepts(state2, marked), { connection: { state: 'established', isReply: true, mark: 7 } }).passes, 'everything');
    assert.equal(decide(accepts(state2, marked), { connection: { state: 'related', isReply: true, mark: 7 } }).passes, '');
    assert.equal(decide([base('raw', 'prerouting', -300, 'drop'), rule('raw', state2, { accept: null })]).undecided, 'everything');
  });

  test('limits let pass what is within them, and what is more than that not', () => {
    const limited = [base('main', 'forward', 0, 'drop'), rule('main', { limit: { rate: 5, per: 'second', burst: 5 } }, { accept: null })];
    assert.equal(decide(limited).passes, 'everything');
    assert.equal(decide(limited, { flood: 'flow' }).passes, '');
  });

  test('what it does not understand it cannot decide, as far as that goes', () => {
    const strange = (...expr: unknown[]) =>
      decide([base('main', 'forward', 0, 'accept'), rule('main', match(port, 80), ...expr, { drop: null })]);
    for (const statement of [
      { xt: { type: 'match', name: 'u32' } },
      match({ fib: { result: 'type', flags: 'daddr' } }, 'local'),
      match(port, 'https'),
      match(port, '@nowhere'),
      match({ payload: { base: 'th', offset: 99, len: 32 } }, 1),
      { jump: { target: 'nowhere' } },
      { queue: null },
    ])
      assert.equal(strange(statement).undecided, 'tcp/80', JSON.stringify(statement));
    assert.deepEqual(strange({ counter: { packets: 1, bytes: 1 } }, { log: null }), {
      passes: 'protocol/0-5, tcp/0-79, tcp/81-65535, protocol/7-255',
      undecided: '',
    });
  });

  test('what nft says that is no rule, set or chain is told; what is no JSON is refused', () => {
    const { strange } = readRuleset('{"nftables":[{"flowtable":{"family":"inet","name":"f","table":"t"}}]}');
    assert.deepEqual(strange, ['flowtable inet t f']);
    assert.throws(() => readRuleset('nft: no such table'), { code: 'invalid' });
    assert.throws(() => readRuleset('[]'), { code: 'invalid' });
  });
});
