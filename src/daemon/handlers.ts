// From the endpoint table to the engine: one line an endpoint, no decisions.
import { pathOf } from '../api/client.ts';
import { endpoints } from '../api/endpoints.ts';
import type { Engine } from '../engine/engine.ts';
import { CaissonError } from '../lib/errors.ts';
import { uidPattern } from '../lib/ids.ts';
import { type Caller, callerMay } from '../model/caller.ts';
import type { Event } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { TlsSource } from './tls/tls-source.ts';
import type { Handlers, StreamItem, Streams } from './http/handlers-type.ts';
import type { AuditTrail } from './http/audit-trail.ts';
import { PreparedJson } from './http/prepared-json.ts';
import { setUpLinks } from '../model/user.ts';
import { makeUserLink, usePasswordLink, useSignInLink } from './user-links.ts';
import { WithSession } from './http/session-cookie.ts';
import { login, loginByCommand, loginByProvider, logoutByProvider } from './login.ts';
import { describeCaller } from './me.ts';
import { firstSeen, Sight } from './sight.ts';

export interface HandlersOptions {
  auditLog: AuditLog;
  auditTrail: AuditTrail;
  /** Where a browser finds the daemon. */
  urls: () => readonly string[];
  /** Absent: it listens on no address that others can reach. */
  tls?: TlsSource | undefined;
}

export function createHandlers(engine: Engine, { auditLog, auditTrail, urls, tls }: HandlersOptions): Handlers {
  const { users, signIn, tokens, tickets, provider, commands } = engine.access;
  const sightOf = (caller: Caller) => new Sight(caller, engine);
  return {
    loginShow: async () => ({ password: users.anyPassword(), ...(provider.label === undefined ? {} : { provider: provider.label }) }),
    loginProviderBegin: async ({ body, caller, client }) => provider.begin(body.link, caller, client),
    loginProviderFinish: ({ body, client }) => loginByProvider(engine.access, auditTrail, body, client),
    loginProviderLogout: ({ body, client }) => logoutByProvider(engine.access, auditTrail, body.logout_token, client),
    loginCommandBegin: async ({ body, client }) => commands.begin({ ...body, address: client.address }),
    loginCommandShow: async ({ query, caller, client }) => commands.show(query.code, caller, client.address),
    loginCommandDecide: async ({ body, caller, client }) => commands.decide(body.code, body.decision, caller, client.address),
    loginCommandFinish: ({ body, client }) => loginByCommand(engine.access, auditTrail, body.secret, client),
    identityProviderShow: async () => provider.get(),
    identityProviderSet: async ({ body, caller }) => provider.set(body, caller),
    identityProviderDelete: async ({ caller }) => provider.delete(caller),
    identityProviderCheck: async () => provider.check(),
    login: ({ body, client }) => login(signIn, auditTrail, body, client),
    logout: async ({ caller: { session, byCookie } }) => {
      const alsoAt = session === undefined ? undefined : signIn.providerEnd(session);
      if (session !== undefined) await signIn.signOut(session);
      const answer = { ended: session !== undefined, ...(alsoAt === undefined ? {} : { alsoAt }) };
      return byCookie ? new WithSession(answer, undefined) : answer;
    },
    meShow: async ({ caller }) => describeCaller(caller, engine),
    setUp: async ({ body: { user, ...given } }) => users.setUp({ name: user, ...given }),
    setUpLink: async () => {
      const { secret, endsAt } = await users.newSetUpSecret();
      return { secret, endsAt, links: setUpLinks(urls(), secret) };
    },

    passwordByLink: async ({ body, caller, client }) => usePasswordLink(engine.access, body, caller, client),
    loginByLink: async ({ body, client }) => useSignInLink(engine.access, auditTrail, body.secret, client),

    userList: async () => ({ items: users.list() }),
    userShow: async ({ params }) => users.get(params.user),
    userAdd: async ({ body, actor }) => users.add(body, actor),
    userSet: async ({ params, body, actor }) => users.set(params.user, body, actor),
    userDelete: async ({ params, actor }) => users.delete(params.user, actor),
    userPassword: async ({ params, body, caller, client }) => users.setPassword(params.user, body, caller, client.address),
    userPasswordLink: async ({ params, caller }) => makeUserLink(engine.access, urls(), params.user, 'password', caller),
    userSignInLink: async ({ params, caller }) => makeUserLink(engine.access, urls(), params.user, 'sign-in', caller),
    userTotpBegin: async ({ params, body, caller, client }) =>
      users.beginSecondFactor(params.user, body?.currentPassword, caller, client.address),
    userTotpConfirm: async ({ params, body, caller }) => users.confirmSecondFactor(params.user, body.code, caller),
    userTotpRemove: async ({ params, body, caller, client }) =>
      users.removeSecondFactor(params.user, body?.currentPassword, caller, client.address),
    userKeyBegin: async ({ params, body, caller, client }) => users.beginKey(params.user, body?.currentPassword, caller, client),
    userKeyAdd: async ({ params, body, caller }) => users.addKey(params.user, body, caller),
    userKeyRemove: async ({ params, body, caller, client }) =>
      users.removeKey(params.user, body.name, body.currentPassword, caller, client.address),
    userProviderForget: async ({ params, body, caller, client }) =>
      users.forgetProvider(params.user, body?.currentPassword, caller, client.address),
    sessionList: async ({ params, caller }) => ({ items: signIn.sessionsOf(users.get(params.user).name, caller.session) }),
    sessionEnd: async ({ params, actor }) => ({ ended: await users.endSessions(params.user, actor) }),
    sessionEndOne: async ({ params, caller }) => users.endSession(params.user, params.session, caller),

    tokenList: async ({ caller }) => {
      const sight = sightOf(caller);
      return { items: tokens.list().filter((token) => sight.token(token)) };
    },
    tokenCreate: async ({ body, caller }) => tokens.create(body, caller),
    tokenDelete: async ({ params, caller }) => tokens.delete(params.token, caller),

    siteShow: async ({ caller }) => {
      const { revision, site } = engine.site();
      return { revision, site: sightOf(caller).veilSite(site) };
    },
    sitePlan: async ({ body: { site, ...options } }) => engine.planSite(site, options),
    siteApply: async ({ body: { site, ...options }, actor }) => engine.applySite(site, options, actor),
    siteDestroy: async ({ query, actor }) => engine.destroySite(query, actor),

    guestList: async ({ caller }) => {
      const { guestFilter, veiledFilter } = sightOf(caller);
      return PreparedJson.list(engine.guestsJson(guestFilter, veiledFilter));
    },
    guestShow: async ({ params, caller }) => sightOf(caller).veil(await engine.guest(params.guest)),
    guestWait: async ({ params, query, signal, caller }) => {
      const { reached, guest } = await engine.waitForGuest(params.guest, { ...query, signal });
      return { reached, guest: sightOf(caller).veil(guest) };
    },
    guestStats: async ({ params }) => engine.guestStats(params.guest),
    statsList: async ({ caller }) => ({ items: await engine.stats(sightOf(caller).guestFilter) }),
    guestHistory: async ({ params, query }) => engine.guestHistory(params.guest, query.resolution),
    adviceList: async ({ caller }) => ({ items: await engine.advice(sightOf(caller).guestFilter) }),
    guestStart: async ({ params, actor }) => engine.startGuest(params.guest, actor),
    guestShutdown: async ({ params, body, actor, caller }) => {
      if (body?.dependents === 'first') mustOperate(caller, engine, engine.whoRequires(params.guest));
      return engine.shutdownGuest(params.guest, body ?? {}, actor);
    },
    guestStop: async ({ params, actor }) => engine.stopGuest(params.guest, actor),
    guestReboot: async ({ params, body, actor }) => engine.rebootGuest(params.guest, body ?? {}, actor),
    guestPause: async ({ params, actor }) => engine.pauseGuest(params.guest, actor),
    guestResume: async ({ params, actor }) => engine.resumeGuest(params.guest, actor),
    guestRename: async ({ params, body, actor }) => engine.renameGuest(params.guest, body.name, actor),
    guestSet: async ({ params, body, actor, caller }) => {
      if (body.nics) mustConfigureNetwork(caller);
      return engine.setGuest(params.guest, body, actor);
    },
    guestDelete: async ({ params, query, actor }) => engine.deleteGuest(params.guest, query, actor),

    consoleTicket: async ({ params, body: { kind }, caller }) => {
      const { uid, name } = engine.consoles.openable(params.guest, kind);
      const { ticket, endsAt } = tickets.issue(uid, kind, caller);
      const endpoint = kind === 'screen' ? endpoints.guestScreen : endpoints.guestConsole;
      return { ticket, endsAt, path: pathOf(endpoint, { guest: name }, { ticket }) };
    },
    guestScreenshot: async ({ params }) => engine.consoles.screenshot(params.guest),

    zoneList: async ({ caller }) => {
      const sight = sightOf(caller);
      return { items: engine.zones().filter(({ name }) => sight.zone(name)) };
    },
    zoneShow: async ({ params }) => engine.zone(params.name),
    zoneCheck: async ({ body, actor }) => engine.checkZones(body ?? {}, actor),
    zoneCheckShow: async () => engine.lastZoneCheck(),

    flowList: async ({ caller }) => {
      const sight = sightOf(caller);
      return { items: engine.flows.list().filter((flow) => sight.flow(flow)) };
    },
    flowExplain: async ({ query }) => engine.flows.explain(query),
    flowVisitors: async ({ params, caller }) => {
      const sight = sightOf(caller);
      return { items: engine.flows.visitors(params.guest).filter((visitor) => sight.visitor(visitor)) };
    },

    auditShow: async () => engine.audit(),

    imageList: async ({ caller }) => {
      const sight = sightOf(caller);
      return { items: (await engine.images()).flatMap((image) => sight.image(image) ?? []) };
    },
    imageShow: async ({ params, caller }) => {
      const image = sightOf(caller).image(await engine.image(params.name));
      // As if it did not exist.
      if (!image) throw new CaissonError('not-found', `no image is called “${params.name}”; “caisson image list” shows all`);
      return image;
    },
    imageBuild: async ({ params, actor }) => engine.buildImage(params.name, actor),
    imageImport: async ({ body, actor }) => engine.importImage(body.name, body.source, actor),
    imageDelete: async ({ params, actor }) => engine.deleteImage(params.name, actor),

    jobList: async ({ query: { limit, state }, caller }) => {
      const filter = state ? { state } : {};
      const sight = sightOf(caller);
      if (sight.everything) return { items: await engine.jobs.list({ ...filter, limit }) };
      const read = (last: Job | undefined, count: number) => engine.jobs.list({ ...filter, limit: count, before: last?.uid });
      return { items: await firstSeen(limit, read, (job) => sight.job(job)) };
    },
    jobShow: async ({ params }) => engine.jobs.get(params.job),
    jobCancel: async ({ params }) => engine.jobs.cancel(params.job),

    eventList: async ({ query: { limit, after, object }, caller }) => ({
      items: await listEvents(engine, sightOf(caller), {
        limit,
        after,
        ...(object === undefined ? {} : { object: keyOf(engine, object) }),
      }),
    }),

    logList: async ({ query }) => ({ items: await auditLog.listActions(query) }),
    logEntries: async ({ query }) => ({
      items: await auditLog.read(query),
      last: (await auditLog.head()).number,
      archived: await auditLog.archived(),
    }),
    logArchive: async ({ body: { through, sha256 } }) => ({ entries: await auditLog.archive(through, sha256), archived: through }),

    hostShow: async () => engine.host(),
    hostCertificate: async () => {
      if (tls) return tls.describe();
      throw new CaissonError(
        'not-found',
        'this host has no certificate: it listens on its own machine only; “caisson daemon --listen 0.0.0.0:8420” listens for others, with TLS',
      );
    },
    hostExamination: async () => engine.lastExamination(),
    hostExamine: async ({ actor }) => engine.examineHost(actor),
    hostShutdown: async ({ body, actor }) => engine.shutdownHost(body ?? {}, actor),
  };
}

export function createStreams(engine: Engine): Streams {
  return {
    jobFollow: async ({ params, signal }) => {
      await engine.jobs.get(params.job);
      return items(engine.jobs.follow(params.job, signal));
    },
    eventFollow: async ({ query, lastEventId, signal, caller }) => {
      const sight = new Sight(caller, engine);
      const object = query.object === undefined ? undefined : keyOf(engine, query.object);
      return numbered(
        engine.events.follow({ after: lastEventId ?? query.after, signal }),
        (event) => sight.event(event) && (object === undefined || event.object === object),
      );
    },
    guestConsole: async ({ params, query }) => engine.consoles.openSerial(params.guest, { history: query.history }),
    guestScreen: async ({ params }) => engine.consoles.openScreen(params.guest),
  };
}

async function* items(values: AsyncIterable<unknown>): AsyncGenerator<StreamItem> {
  for await (const data of values) yield { data };
}

async function* numbered<T extends { id: number }>(values: AsyncIterable<T>, isSeen: (value: T) => boolean): AsyncGenerator<StreamItem> {
  for await (const data of values) if (isSeen(data)) yield { id: data.id, data };
}

interface AskedEvents {
  limit: number;
  after: number | undefined;
  object?: string;
}

/** `guest:web` → its key in the store; a key stays one. A guest that was deleted is known by its uid alone. Throws `not-found`. */
function keyOf(engine: Engine, object: string): string {
  const [, kind, name] = /^(guest|image|user|token)[:/](.+)$/.exec(object) ?? [];
  if (kind === undefined || name === undefined) return object;
  if (kind !== 'guest') return `${kind}/${name}`;
  const uid = engine.placeOf(name)?.uid ?? (uidPattern.test(name) ? name : undefined);
  if (uid === undefined) throw new CaissonError('not-found', `no guest is called “${name}”; “caisson guest list” shows all`);
  return `guest/${uid}`;
}

/** The last `limit` that are to be seen, or the first after an id; oldest first. */
async function listEvents(engine: Engine, sight: Sight, { limit, after, object }: AskedEvents): Promise<Event[]> {
  const isSeen = (event: Event) => sight.event(event);
  const of = object === undefined ? {} : { object };
  if (sight.seesAllEvents) return engine.events.list({ limit, ...of, ...(after === undefined ? {} : { after }) });
  const read = (last: Event | undefined, count: number) => engine.events.list({ limit: count, ...of, after: last?.id ?? after ?? 0 });
  if (after !== undefined) return firstSeen(limit, read, isSeen);
  // Of one thing all is seen or nothing.
  if (object !== undefined) return (await engine.events.list({ limit, object })).filter(isSeen);
  const newest = (await engine.events.list({ limit: 1 })).at(-1)?.id ?? 0;
  let seen: Event[] = [];
  for (let end = newest; end > 0 && seen.length < limit; end -= eventsAtOnce) {
    const items = await engine.events.list({ after: Math.max(0, end - eventsAtOnce), limit: eventsAtOnce });
    if (items.length === 0) break; // older ones are forgotten
    seen = [...items.filter((event) => event.id <= end && isSeen(event)), ...seen];
  }
  return seen.slice(-limit);
}

const eventsAtOnce = 500;

/** Where a guest is connected decides what flows mean it: that is the site's, whoever may change the guest otherwise. */
function mustConfigureNetwork(caller: Caller): void {
  if (!callerMay(caller, 'configure', { kind: 'site' }))
    throw new CaissonError(
      'forbidden',
      'nics and their addresses decide what flows mean a guest: only who may configure the site changes them',
      {
        details: { permission: 'configure' },
      },
    );
}

/** Guests that an action on another one takes with it. */
function mustOperate(caller: Caller, engine: Engine, names: readonly string[]): void {
  const refused = names.filter((name) => {
    const place = engine.placeOf(name);
    return !place || !callerMay(caller, 'operate', { kind: 'guest', ...place });
  });
  if (refused.length > 0)
    throw new CaissonError('forbidden', 'guests that you may not operate require this one: somebody who may must shut them down first');
}
