// From the endpoint table to the engine: one line an endpoint, no decisions.
import type { Engine } from '../engine/engine.ts';
import type { Handlers, StreamItem, Streams } from './http/handlers-type.ts';
import { PreparedJson } from './http/prepared-json.ts';

export function createHandlers(engine: Engine): Handlers {
  return {
    siteShow: async () => engine.site(),
    sitePlan: async ({ body: { site, ...options } }) => engine.planSite(site, options),
    siteApply: async ({ body: { site, ...options }, actor }) => engine.applySite(site, options, actor),
    siteDestroy: async ({ query, actor }) => engine.destroySite(query, actor),

    guestList: async () => PreparedJson.list(engine.guestsJson()),
    guestShow: async ({ params }) => engine.guest(params.guest),
    guestWait: async ({ params, query, signal }) => engine.waitForGuest(params.guest, { ...query, signal }),
    guestStats: async ({ params }) => engine.guestStats(params.guest),
    statsList: async () => ({ items: await engine.stats() }),
    guestHistory: async ({ params, query }) => engine.guestHistory(params.guest, query.resolution),
    adviceList: async () => ({ items: await engine.advice() }),
    guestStart: async ({ params, actor }) => engine.startGuest(params.guest, actor),
    guestShutdown: async ({ params, body, actor }) => engine.shutdownGuest(params.guest, body ?? {}, actor),
    guestStop: async ({ params, actor }) => engine.stopGuest(params.guest, actor),
    guestReboot: async ({ params, body, actor }) => engine.rebootGuest(params.guest, body ?? {}, actor),
    guestPause: async ({ params, actor }) => engine.pauseGuest(params.guest, actor),
    guestResume: async ({ params, actor }) => engine.resumeGuest(params.guest, actor),
    guestRename: async ({ params, body, actor }) => engine.renameGuest(params.guest, body.name, actor),
    guestSet: async ({ params, body, actor }) => engine.setGuest(params.guest, body, actor),
    guestDelete: async ({ params, query, actor }) => engine.deleteGuest(params.guest, query, actor),

    zoneList: async () => ({ items: engine.zones() }),
    zoneShow: async ({ params }) => engine.zone(params.name),
    zoneCheck: async ({ body, actor }) => engine.checkZones(body ?? {}, actor),
    zoneCheckShow: async () => engine.lastZoneCheck(),

    flowList: async () => ({ items: engine.flows.list() }),
    flowExplain: async ({ query }) => engine.flows.explain(query),
    flowVisitors: async ({ params }) => ({ items: engine.flows.visitors(params.guest) }),

    auditShow: async () => engine.audit(),

    imageList: async () => ({ items: await engine.images() }),
    imageBuild: async ({ params, actor }) => engine.buildImage(params.name, actor),
    imageImport: async ({ body, actor }) => engine.importImage(body.name, body.source, actor),
    imageDelete: async ({ params, actor }) => engine.deleteImage(params.name, actor),

    jobList: async ({ query }) => ({
      items: await engine.jobs.list({ limit: query.limit, ...(query.state ? { state: query.state } : {}) }),
    }),
    jobShow: async ({ params }) => engine.jobs.get(params.job),
    jobCancel: async ({ params }) => engine.jobs.cancel(params.job),

    eventList: async ({ query }) => ({
      items: await engine.events.list({ limit: query.limit, ...(query.after === undefined ? {} : { after: query.after }) }),
    }),

    hostShow: async () => engine.host(),
    hostShutdown: async ({ body, actor }) => engine.shutdownHost(body ?? {}, actor),
  };
}

export function createStreams(engine: Engine): Streams {
  return {
    jobFollow: async ({ params, signal }) => {
      await engine.jobs.get(params.job);
      return items(engine.jobs.follow(params.job, signal));
    },
    eventFollow: async ({ query, lastEventId, signal }) => numbered(engine.events.follow({ after: lastEventId ?? query.after, signal })),
    guestConsole: async ({ params, query }) => engine.openConsole(params.guest, { history: query.history }),
  };
}

async function* items(values: AsyncIterable<unknown>): AsyncGenerator<StreamItem> {
  for await (const data of values) yield { data };
}

async function* numbered(values: AsyncIterable<{ id: number }>): AsyncGenerator<StreamItem> {
  for await (const data of values) yield { id: data.id, data };
}
