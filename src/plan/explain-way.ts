// What decides between two ends, for people: the flow that allows it, or why nothing does. In one or two sentences. Pure.
import { familyOf } from '../model/address.ts';
import type { NetworkFlow, NetworkService, NetworkState } from '../model/network-state.ts';
import { type Attempt, type Between, type End, type NothingWhy, between, isAllowed, publicationFor, sharedWireOf } from './reachability.ts';

export interface ExplainedWay {
  decided: 'open' | 'refused';
  why: string;
  flow?: string;
  sharedWire?: string;
}

export interface WayQuestion {
  from: End;
  fromName: string;
  to: string;
  toName: string;
  service: NetworkService;
  /** As it was asked: `tcp/80`. */
  port: string;
}

export function explainWay(state: NetworkState, question: WayQuestion): ExplainedWay {
  const sharedWire = sharedWireOf(state, question.from.address, question.to);
  return { ...explainDecision(state, question), ...(sharedWire !== undefined && { sharedWire }) };
}

function explainDecision(state: NetworkState, question: WayQuestion): ExplainedWay {
  const { from, to, service } = question;
  const decides = between(state, from, to);
  if (decides.kind === 'everything') return { decided: 'open', why: 'The host itself may reach everybody; no flow is needed.' };
  if (decides.kind === 'nothing') return { decided: 'refused', why: explainNothing(decides.why, question, state) };
  const { allowed, flow } = isAllowed(state, { from, to: { address: to }, ...attemptOf(service, familyOf(to)) });
  if (allowed) return explainOpen(flow, decides, question, sharedWireOf(state, from.address, to) !== undefined);
  return { decided: 'refused', why: explainRefusal(decides, question, state) };
}

function attemptOf(service: NetworkService, family: 4 | 6): Pick<Attempt, 'protocol' | 'port' | 'type' | 'number'> {
  switch (service.protocol) {
    case 'tcp':
    case 'udp':
      return { protocol: service.protocol, port: service.ports.from };
    case 'icmp': {
      const type = service.types?.[family === 4 ? 'v4' : 'v6'];
      return { protocol: 'icmp', port: 0, ...(typeof type === 'number' && { type }) };
    }
    case 'other':
      return { protocol: 'other', port: 0, number: service.number };
  }
}

const answers = 'Answers pass by themselves, and nothing else the other way.';
/** Connections are not known there. */
const wireAnswers = 'Answers are told by that port alone: whatever is sent from it passes the other way.';

function explainOpen(
  flow: NetworkFlow | undefined,
  decides: Between & { kind: 'listed' },
  { service, to }: WayQuestion,
  isOnWire: boolean,
): ExplainedWay {
  if (flow) {
    const rate = flow.rate ? `, at most ${flow.rate.count} new connections a ${flow.rate.per}` : '';
    const back = isOnWire ? wireAnswers : answers;
    return { decided: 'open', why: `The flow “${flow.text}” allows it${rate}. ${back}`, flow: flow.text };
  }
  const publication = publicationFor(decides.publications, attemptOf(service, familyOf(to)));
  if (publication) return { decided: 'open', why: `The port is published: “${publication.text}”. ${answers}` };
  return { decided: 'open', why: 'The host serves it to every guest: names, leases of addresses, and echo.' };
}

function explainRefusal(decides: Between & { kind: 'listed' }, { from, fromName, toName, port }: WayQuestion, state: NetworkState): string {
  const { flows, publications } = decides;
  const zone = state.zones.find(({ name }) => state.nics.some((nic) => nic.zone === name && nic.addresses.includes(from.address)));
  const hasUplink = zone === undefined || zone.uplink !== undefined;
  if (toName === 'world' && !hasUplink && flows.length === 0)
    return `${fromName} is in zone ${zone.name}, which has no uplink, and no flow lets it out by another’s.`;
  if (publications.length > 0) return `Only other ports are published there: ${publications.map(({ text }) => `“${text}”`).join(', ')}.`;
  const others = flows.map(({ text }) => `“${text}”`);
  const rest = others.length > 0 ? `; between them there is only ${others.slice(0, 4).join(', ')}` : '';
  return `No flow of the site file allows ${port} from ${fromName} to ${toName}${rest}. What no flow lists is refused, inside a zone too.`;
}

function explainNothing(why: NothingWhy, { from, fromName, to, toName }: WayQuestion, state: NetworkState): string {
  switch (why) {
    case 'families':
      return `${fromName} and ${toName} have no address of one family.`;
    case 'not-the-senders-address':
      return `${from.address} is no address of a guest here: whatever a nic sends with an address that is not its own is dropped before anything else.`;
    case 'not-an-address-of-the-world':
      return `${from.address} is no address of the world: whatever comes from outside with an address from inside is dropped before anything else.`;
    case 'nobody-inside-has-it':
      return `${to} is nobody’s: there is no guest that could be reached.`;
    case 'world-to-host':
      return 'Nothing from outside reaches the addresses that the host has for its guests.';
    case 'world-to-world':
      return 'Nothing is passed on from outside to outside.';
    case 'published-for-the-world':
      return `${to} is there for the world: guests reach each other by their own addresses, as flows allow.`;
    case 'no-uplink':
      return 'No zone has an uplink: there is no way to the world.';
    case 'behind-the-hosts-address': {
      const nic = state.nics.find(({ addresses }) => addresses.includes(to));
      return `${toName} is in zone ${nic?.zone ?? '?'}, which leaves with the host’s address: it is entered by published ports only, never by its own address.`;
    }
  }
}
