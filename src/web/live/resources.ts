// The questions that pages ask, with the key that each is known by, and which of them an event makes worth asking again.
import type { CallResult, Client } from '../../api/client.ts';
import type { EndpointId, Endpoints } from '../../api/endpoints.ts';
import type { Event } from '../../model/event.ts';
import type { Resolution } from '../../model/usage.ts';

export interface Resource<T> {
  key: string;
  ask: (client: Client) => Promise<T>;
}

type Answer<Id extends EndpointId> = CallResult<Endpoints[Id]>;

const plain = <Id extends EndpointId>(key: string, id: Id): Resource<Answer<Id>> => ({ key, ask: (client) => client.call(id) });

export const host = plain('host', 'hostShow');
export const examination = plain('examination', 'hostExamination');
export const guests = plain('guests', 'guestList');
export const images = plain('images', 'imageList');
export const zones = plain('zones', 'zoneList');
export const flows = plain('flows', 'flowList');
export const site = plain('site', 'siteShow');
export const audit = plain('audit', 'auditShow');
export const advice = plain('advice', 'adviceList');
export const zoneCheck = plain('zone-check', 'zoneCheckShow');

export const jobs: Resource<Answer<'jobList'>> = { key: 'jobs', ask: (client) => client.call('jobList', { query: { limit: 100 } }) };
export const events: Resource<Answer<'eventList'>> = {
  key: 'events',
  ask: (client) => client.call('eventList', { query: { limit: 1000 } }),
};

export const eventsOf = (object: string): Resource<Answer<'eventList'>> => ({
  key: `events-of/${object}`,
  ask: (client) => client.call('eventList', { query: { limit: 1000, object } }),
});

export const guest = (name: string): Resource<Answer<'guestShow'>> => ({
  key: `guest/${name}`,
  ask: (client) => client.call('guestShow', { params: { guest: name } }),
});
export const visitors = (name: string): Resource<Answer<'flowVisitors'>> => ({
  key: `visitors/${name}`,
  ask: (client) => client.call('flowVisitors', { params: { guest: name } }),
});
export const history = (name: string, resolution: Resolution): Resource<Answer<'guestHistory'>> => ({
  key: `history/${name}/${resolution}`,
  ask: (client) => client.call('guestHistory', { params: { guest: name }, query: { resolution } }),
});
export const users = plain('users', 'userList');
export const user = (name: string): Resource<{ value: Answer<'userShow'>; tag: string | undefined }> => ({
  key: `user/${name}`,
  ask: (client) => client.see('userShow', { params: { user: name } }),
});
export const loginWays = plain('login-ways', 'loginShow');
export const tokens = plain('tokens', 'tokenList');
export const sessions = (user: string): Resource<Answer<'sessionList'>> => ({
  key: `sessions/${user}`,
  ask: (client) => client.call('sessionList', { params: { user } }),
});
export const explanation = (from: string, to: string, port: string): Resource<Answer<'flowExplain'>> => ({
  key: `explain/${from}/${to}/${port}`,
  ask: (client) => client.call('flowExplain', { query: { from, to, port } }),
});

/** Prefixes of the keys whose answers are other ones after the event. */
export function outdatedBy(event: Event): string[] {
  return [...outdatedByKind(event.kind), ...(event.object === undefined ? [] : [`events-of/${event.object}`])];
}

function outdatedByKind(kind: Event['kind']): string[] {
  if (kind.startsWith('job-')) return ['jobs'];
  if (kind.startsWith('user-')) return ['user', 'sessions', 'tokens'];
  if (kind.startsWith('token-')) return ['tokens'];
  if (kind === 'sign-in-refused') return [];
  if (kind === 'zone-checked') return ['zone-check'];
  if (kind === 'network-applied' || kind === 'network-failed') return ['host', 'zones', 'flows', 'explain', 'visitors'];
  if (kind.startsWith('image-')) return ['images'];
  if (kind === 'guest-created' || kind === 'guest-deleted' || kind === 'guest-renamed' || kind === 'guest-changed')
    return ['guest', 'host', 'zones', 'flows', 'visitors', 'site', 'explain', 'images'];
  if (kind.startsWith('guest-')) return ['guest', 'host'];
  return ['guest', 'host', 'zones', 'flows', 'visitors', 'site', 'explain', 'images'];
}
