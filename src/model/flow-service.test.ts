import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRate } from './flow.ts';
import { parseFlowService, serviceContains } from './flow-service.ts';

const service = (text: string) => parseFlowService(text) ?? assert.fail(text);

test('one spelling stands for a kind of message in IPv4 and IPv6', () => {
  assert.deepEqual(service('icmp/time-exceeded'), { protocol: 'icmp', types: { v4: 11, v6: 3 } });
  assert.deepEqual(service('icmp/packet-too-big'), { protocol: 'icmp', types: { v4: null, v6: 2 } });
  assert.deepEqual(service('icmp/echo-request'), service('icmp'));
});

test('other protocols are written by their number, those with ports or kinds by their names', () => {
  assert.deepEqual(service('protocol/47'), { protocol: 'other', number: 47 });
  for (const text of [
    'protocol/1',
    'protocol/6',
    'protocol/17',
    'protocol/58',
    'protocol/0',
    'protocol/255',
    'protocol/047',
    'protocol/',
    'gre',
  ])
    assert.equal(parseFlowService(text), undefined, text);
});

test('all ports are one range', () => {
  assert.deepEqual(service('tcp/1-65535'), { protocol: 'tcp', ports: { from: 1, to: 65_535 } });
  for (const text of ['tcp/0-65535', 'tcp/1-65536', 'udp/9-8', 'tcp/80-', 'icmp/8', 'icmp/constructor'])
    assert.equal(parseFlowService(text), undefined, text);
});

test('what a service holds of another', () => {
  const cases: [string, string, boolean][] = [
    ['tcp/1-100', 'tcp/100-200', false],
    ['tcp/1-100', 'tcp/50', true],
    ['tcp/1-100', 'udp/50', false],
    ['icmp', 'icmp/echo-request', true],
    ['icmp', 'icmp/time-exceeded', false],
    ['protocol/47', 'protocol/47', true],
    ['protocol/47', 'protocol/50', false],
  ];
  for (const [outer, inner, expected] of cases)
    assert.equal(serviceContains(service(outer), service(inner)), expected, `${outer} ${inner}`);
});

test('a rate counts to a million a second, a minute or an hour', () => {
  assert.deepEqual(parseRate('10/second'), { count: 10, per: 'second' });
  assert.deepEqual(parseRate('1000000/hour'), { count: 1_000_000, per: 'hour' });
  for (const text of ['0/second', '1000001/second', '10/day', '10/s', '10 /second', '1e3/hour', ''])
    assert.equal(parseRate(text), undefined, text);
});
