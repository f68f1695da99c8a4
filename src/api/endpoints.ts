// The contract between the daemon and everybody who talks to it: one row an endpoint. A new row gets a handler in
// `src/daemon/handlers/`; the compiler says where one is missing.
import { z } from 'zod';
import { auditSchema } from '../model/audit.ts';
import { eventSchema } from '../model/event.ts';
import { guestChangeSchema } from '../model/guest-change.ts';
import { flowExplanationSchema, flowViewSchema, flowVisitorSchema } from '../model/flow-view.ts';
import { guestGoalSchema, guestSchema } from '../model/guest-status.ts';
import { guestStatsSchema } from '../model/guest-stats.ts';
import { hostCertificateSchema } from '../model/host-certificate.ts';
import { hostExaminationSchema } from '../model/host-check.ts';
import { hostSchema } from '../model/host.ts';
import { imageViewSchema } from '../model/image-view.ts';
import {
  providerAnswerSchema,
  providerBeginningSchema,
  providerCheckSchema,
  providerSchema,
  wantedProviderSchema,
} from '../model/identity-provider.ts';
import { jobSchema } from '../model/job.ts';
import { logEntrySchema, loggedActionSchema } from '../model/log-entry.ts';
import { meSchema } from '../model/me.ts';
import { siteDifferenceSchema } from '../model/site-difference.ts';
import { siteSchema } from '../model/site.ts';
import { adviceSchema, guestHistorySchema, resolutionSchema } from '../model/usage.ts';
import { consoleKindSchema, consoleTicketSchema } from '../model/console-ticket.ts';
import { keyAssertionSchema, keyCreationOptionsSchema, keyCreationSchema } from '../model/security-key.ts';
import { sessionKindSchema, sessionSchema, signedInSchema, signedOutSchema } from '../model/session.ts';
import { mostTokenDays, tokenSchema, usualTokenDays } from '../model/token.ts';
import { setUpLinkSchema, userSchema, wantedBindingSchema } from '../model/user.ts';
import { userLinkSchema } from '../model/user-link.ts';
import { zoneCheckSchema, zoneViewSchema } from '../model/zone-check.ts';
import { defineEndpoints } from './endpoint.ts';

const list = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item) });

/** A guest by its name or its uid. */
const guestParams = z.strictObject({ guest: z.string().min(1).max(63) });
const nameParams = z.strictObject({ name: z.string().min(1).max(63) });
const jobParams = z.strictObject({ job: z.string().min(1).max(63) });

const userParams = z.strictObject({ user: z.string().min(1).max(63) });
const tokenParams = z.strictObject({ token: z.string().min(1).max(63) });
const currentPasswordBody = z
  .strictObject({ currentPassword: z.string().max(1024).optional().describe('For one’s own account') })
  .optional();

const applyOptions = {
  site: siteSchema,
  /** Delete guests, zones and images that the site file no longer has. */
  prune: z.boolean().default(false),
  /** With `prune`: delete the disks of deleted guests too. */
  deleteDisks: z.boolean().default(false),
  /** Overwrite what was changed elsewhere since the last apply. */
  overwrite: z.boolean().default(false),
};

const deleteDisksQuery = z.strictObject({ deleteDisks: z.stringbool().default(false).describe('`true` or `false`') });

const consoleTicketQuery = z.string().max(200).optional().describe('Of a browser');

const eventObject = z
  .string()
  .max(120)
  .regex(
    /^(?:(?:guest|image|user|token)[:/]\S+|site|network|host)$/,
    'guest:NAME, image:NAME, user:NAME, token:NAME, site, network or host is expected',
  )
  .optional()
  .describe('Only what happened to it: `guest:NAME` (or by its uid), `image:NAME`, `user:NAME`, `token:NAME`, `site`, `network`, `host`');
const emptyBody = z.strictObject({}).optional();
const jobResponse = jobSchema;

export const endpoints = defineEndpoints({
  login: {
    method: 'POST',
    path: '/v1/login',
    summary:
      'Sign in: begins a session, by a cookie or as a token; a wrong or missing second factor is told by `details.secondFactor`, and what a security key has to sign by `details.key`',
    access: 'anybody',
    logsItself: true,
    body: z.strictObject({
      user: z.string().max(63),
      password: z.string().max(1024),
      code: z.string().max(40).optional().describe('Of the authenticator, or a recovery code'),
      key: keyAssertionSchema.optional().describe('In place of a code: what a security key has signed'),
      as: sessionKindSchema.default('cookie').describe('`cookie` for a browser, `token` for a program'),
    }),
    response: signedInSchema,
  },
  logout: {
    method: 'POST',
    path: '/v1/logout',
    summary: 'Sign out: ends this session, and all that was opened by it',
    access: 'signed-in',
    body: emptyBody,
    response: signedOutSchema,
  },
  loginShow: {
    method: 'GET',
    path: '/v1/login',
    summary: 'By what people sign in here: always by a password; `provider` names a provider of identities',
    access: 'anybody',
    response: z.strictObject({ provider: z.string().optional() }),
  },
  loginProviderBegin: {
    method: 'POST',
    path: '/v1/login/provider',
    summary: 'Begin to sign in by the provider of identities, in a browser: where to go, and what to keep until one is back',
    access: 'anybody',
    changes: 'nothing',
    body: z.strictObject({ link: z.boolean().default(false).describe('Not to sign in, but to be known by it as who is signed in') }),
    response: providerBeginningSchema,
  },
  loginProviderFinish: {
    method: 'POST',
    path: '/v1/login/provider/finish',
    summary: 'Back from the provider: begins a session by a cookie, or links the user who began it',
    access: 'anybody',
    logsItself: true,
    body: z.strictObject({ answer: providerAnswerSchema, binding: z.string().max(100) }),
    response: z.strictObject({ user: z.string(), linked: z.boolean() }),
  },
  meShow: {
    method: 'GET',
    path: '/v1/me',
    summary: 'Who asks, and what they may',
    access: 'signed-in',
    response: meSchema,
  },
  setUp: {
    method: 'POST',
    path: '/v1/set-up',
    summary: 'Make the first administrator, by the secret of the set-up link, once',
    access: 'anybody',
    logs: ['user'],
    body: z.strictObject({ secret: z.string().max(200), user: z.string().max(63), password: z.string().max(1024) }),
    response: userSchema,
  },
  setUpLink: {
    method: 'POST',
    path: '/v1/set-up/link',
    summary: 'A new set-up link, in place of the one before; only while there are no users',
    access: { permission: 'administer', on: 'site' },
    body: emptyBody,
    response: setUpLinkSchema,
  },

  passwordByLink: {
    method: 'POST',
    path: '/v1/password-link',
    summary: 'Choose a password by the secret of a link, once; ends every session of the user',
    access: 'anybody',
    logs: [],
    body: z.strictObject({ secret: z.string().max(200), password: z.string().max(1024) }),
    response: z.strictObject({ user: z.string() }),
  },
  loginByLink: {
    method: 'POST',
    path: '/v1/login/link',
    summary: 'Sign in by the secret of a link that was made on the host, once: begins a session of the browser',
    access: 'anybody',
    logsItself: true,
    body: z.strictObject({ secret: z.string().max(200) }),
    response: signedInSchema,
  },

  userList: {
    method: 'GET',
    path: '/v1/users',
    summary: 'Every user with their roles',
    access: { permission: 'audit', on: 'site' },
    response: list(userSchema),
  },
  userShow: {
    method: 'GET',
    path: '/v1/users/:user',
    summary: 'One user',
    access: { permission: 'audit', on: 'user' },
    versioned: 'user',
    params: userParams,
    response: userSchema,
  },
  userAdd: {
    method: 'POST',
    path: '/v1/users',
    summary: 'Make a user; without a password they cannot sign in yet',
    access: { permission: 'administer', on: 'site' },
    logs: ['name', 'fullName', 'bindings'],
    body: z.strictObject({
      name: z.string().max(63),
      fullName: z.string().max(100).optional(),
      password: z.string().max(1024).optional(),
      bindings: z.array(wantedBindingSchema).max(200).default([]),
    }),
    response: userSchema,
  },
  userSet: {
    method: 'PATCH',
    path: '/v1/users/:user',
    summary: 'Change a user’s name, roles, or whether they may sign in; what they have open and may not have any more ends at once',
    access: { permission: 'administer', on: 'site' },
    logs: ['fullName', 'enabled', 'bindings'],
    versioned: 'user',
    params: userParams,
    body: z.strictObject({
      fullName: z.string().max(100).optional(),
      enabled: z.boolean().optional(),
      bindings: z.array(wantedBindingSchema).max(200).optional().describe('In place of those that there are'),
    }),
    response: userSchema,
  },
  userDelete: {
    method: 'DELETE',
    path: '/v1/users/:user',
    summary: 'Delete a user with sessions and tokens',
    access: { permission: 'administer', on: 'site' },
    versioned: 'user',
    params: userParams,
    response: userSchema,
  },
  userPassword: {
    method: 'PUT',
    path: '/v1/users/:user/password',
    summary: 'Set a password; ends every other session of the user. One’s own needs the password before',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: z.strictObject({ password: z.string().max(1024), currentPassword: z.string().max(1024).optional() }),
    response: userSchema,
  },
  userPasswordLink: {
    method: 'POST',
    path: '/v1/users/:user/password-link',
    summary: 'A link by which the user chooses a password, once, within a day; in place of the one before',
    access: { permission: 'administer', on: 'site' },
    params: userParams,
    body: emptyBody,
    response: userLinkSchema,
  },
  userSignInLink: {
    method: 'POST',
    path: '/v1/users/:user/sign-in-link',
    summary: 'A link that signs the user in, once, within two minutes; for the host’s administrator, on its socket',
    access: { permission: 'administer', on: 'site' },
    params: userParams,
    body: emptyBody,
    response: userLinkSchema,
  },
  userTotpBegin: {
    method: 'POST',
    path: '/v1/users/:user/totp',
    summary: 'Begin a second factor: a secret for an authenticator, which counts once a code of it is confirmed',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: z.strictObject({ secret: z.string(), uri: z.string() }),
  },
  userTotpConfirm: {
    method: 'POST',
    path: '/v1/users/:user/totp/confirm',
    summary: 'Confirm the authenticator by a code; answers with recovery codes when it is the first second factor, shown this once',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: z.strictObject({ code: z.string().max(40) }),
    response: z.strictObject({ recoveryCodes: z.array(z.string()) }),
  },
  userTotpRemove: {
    method: 'POST',
    path: '/v1/users/:user/totp/remove',
    summary: 'Remove the authenticator; security keys stay',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: userSchema,
  },
  userKeyBegin: {
    method: 'POST',
    path: '/v1/users/:user/keys/begin',
    summary: 'Begin to add a security key: what the browser is to ask it for. By the user alone, in a page that is open by a name',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: keyCreationOptionsSchema,
  },
  userKeyAdd: {
    method: 'POST',
    path: '/v1/users/:user/keys',
    summary: 'Add a security key; answers with recovery codes when it is the first second factor, shown this once',
    access: { permission: 'administer', on: 'user' },
    logs: ['name'],
    params: userParams,
    body: z.strictObject({ name: z.string().max(200), creation: keyCreationSchema }),
    response: z.strictObject({ user: userSchema, recoveryCodes: z.array(z.string()) }),
  },
  userKeyRemove: {
    method: 'POST',
    path: '/v1/users/:user/keys/remove',
    summary: 'Remove a security key',
    access: { permission: 'administer', on: 'user' },
    logs: ['name'],
    params: userParams,
    body: z.strictObject({
      name: z.string().max(200),
      currentPassword: z.string().max(1024).optional().describe('For one’s own account'),
    }),
    response: userSchema,
  },
  userProviderForget: {
    method: 'POST',
    path: '/v1/users/:user/provider/forget',
    summary: 'The user is not known by the provider of identities any more',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: userSchema,
  },
  sessionList: {
    method: 'GET',
    path: '/v1/users/:user/sessions',
    summary: 'Where the user is signed in',
    access: { permission: 'audit', on: 'user' },
    params: userParams,
    response: list(sessionSchema),
  },
  sessionEnd: {
    method: 'DELETE',
    path: '/v1/users/:user/sessions',
    summary: 'End every session of the user, and all that was opened by them',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    response: z.strictObject({ ended: z.int() }),
  },
  sessionEndOne: {
    method: 'DELETE',
    path: '/v1/users/:user/sessions/:session',
    summary: 'End one session of the user, and all that was opened by it',
    access: { permission: 'administer', on: 'user' },
    params: userParams.extend({ session: z.string().regex(/^[0-9a-f]{12}$/, 'a session is named by twelve digits and letters a to f') }),
    response: sessionSchema,
  },

  identityProviderShow: {
    method: 'GET',
    path: '/v1/identity-provider',
    summary: 'By whom people may sign in who have an account elsewhere, without its secret',
    access: { permission: 'administer', on: 'site' },
    response: providerSchema,
  },
  identityProviderSet: {
    method: 'PUT',
    path: '/v1/identity-provider',
    summary: 'Let people sign in by a provider of identities (OpenID Connect); roles that none of its groups has any more end at once',
    access: { permission: 'administer', on: 'site' },
    logs: ['issuer', 'label', 'clientId', 'scopes', 'userClaim', 'groupsClaim', 'roles'],
    body: wantedProviderSchema,
    response: providerSchema,
  },
  identityProviderDelete: {
    method: 'DELETE',
    path: '/v1/identity-provider',
    summary: 'Nobody signs in by it any more; sessions that it began end',
    access: { permission: 'administer', on: 'site' },
    response: providerSchema,
  },
  identityProviderCheck: {
    method: 'POST',
    path: '/v1/identity-provider/check',
    summary: 'Ask the provider what it says of itself, now',
    access: { permission: 'administer', on: 'site' },
    changes: 'nothing',
    body: emptyBody,
    response: providerCheckSchema,
  },

  tokenList: {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'API tokens, without their secrets: one’s own, and those of others',
    access: { permission: 'audit', on: 'each' },
    response: list(tokenSchema),
  },
  tokenCreate: {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Make an API token; its secret is shown this once. It never may more than the user who made it',
    access: 'signed-in',
    logs: ['name', 'bindings', 'days'],
    body: z.strictObject({
      name: z.string().max(63),
      bindings: z.array(wantedBindingSchema).min(1).max(200).optional().describe('Default: the user’s own'),
      days: z.int().min(1).max(mostTokenDays).default(usualTokenDays),
    }),
    response: z.strictObject({ token: tokenSchema, secret: z.string() }),
  },
  tokenDelete: {
    method: 'DELETE',
    path: '/v1/tokens/:token',
    summary: 'Delete an API token; what is open by it ends at once',
    access: { permission: 'administer', on: 'token' },
    params: tokenParams,
    response: tokenSchema,
  },

  siteShow: {
    method: 'GET',
    path: '/v1/site',
    summary: 'The site as it is wanted',
    access: { permission: 'view', on: 'site' },
    versioned: 'site',
    response: z.strictObject({ revision: z.int(), site: siteSchema }),
  },
  sitePlan: {
    method: 'POST',
    path: '/v1/site/plan',
    summary: 'What an apply of this site would change; changes nothing',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    body: z.strictObject(applyOptions),
    response: z.strictObject({
      /** One line for each change, for people; empty when there is nothing to change. */
      lines: z.array(z.string()),
      /** Why it cannot be applied as it is: changes that are impossible in place, conflicts. */
      refusals: z.array(z.string()),
      difference: siteDifferenceSchema,
    }),
    changes: 'nothing',
  },
  siteApply: {
    method: 'PUT',
    path: '/v1/site',
    summary: 'Make the site so',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    body: z.strictObject(applyOptions),
    response: jobResponse,
    job: true,
    logs: ['site', 'prune', 'deleteDisks', 'overwrite'],
  },
  siteDestroy: {
    method: 'DELETE',
    path: '/v1/site',
    summary: 'Stop and delete every guest, zone and image of the site',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    query: deleteDisksQuery,
    response: jobResponse,
    job: true,
  },

  guestList: {
    method: 'GET',
    path: '/v1/guests',
    summary: 'Every guest with its state',
    access: { permission: 'view', on: 'each' },
    response: list(guestSchema),
  },
  guestShow: {
    method: 'GET',
    path: '/v1/guests/:guest',
    summary: 'One guest',
    params: guestParams,
    access: { permission: 'view', on: 'guest' },
    versioned: 'guest',
    response: guestSchema,
  },
  guestWait: {
    method: 'GET',
    path: '/v1/guests/:guest/wait',
    summary: 'Answers once the guest is ready, stopped, or its agent answers; after a while without that, for asking again',
    access: { permission: 'view', on: 'guest' },
    params: guestParams,
    query: z.strictObject({ for: guestGoalSchema, timeoutMs: z.coerce.number().int().min(0).max(20_000).default(20_000) }),
    response: z.strictObject({ reached: z.boolean(), guest: guestSchema }),
  },
  guestStats: {
    method: 'GET',
    path: '/v1/guests/:guest/stats',
    summary: 'What it uses: counters since its start, and sizes at this moment',
    access: { permission: 'view', on: 'guest' },
    params: guestParams,
    response: guestStatsSchema,
  },
  statsList: {
    method: 'GET',
    path: '/v1/stats',
    summary: 'What every guest that runs uses: counters since its start, and sizes at this moment',
    access: { permission: 'view', on: 'each' },
    response: list(guestStatsSchema),
  },
  guestHistory: {
    method: 'GET',
    path: '/v1/guests/:guest/history',
    summary: 'What it has used: minutes of two days, hours of 60, days of two years, oldest first',
    access: { permission: 'view', on: 'guest' },
    params: guestParams,
    query: z.strictObject({ resolution: resolutionSchema.default('hour') }),
    response: guestHistorySchema,
  },
  adviceList: {
    method: 'GET',
    path: '/v1/advice',
    summary: 'What their history says about the sizes of guests',
    access: { permission: 'view', on: 'each' },
    response: list(adviceSchema),
  },
  guestStart: {
    method: 'POST',
    path: '/v1/guests/:guest/start',
    summary: 'Start it, and wait until it is ready',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  guestShutdown: {
    method: 'POST',
    path: '/v1/guests/:guest/shutdown',
    summary: 'Ask it to shut down: agent, then power button; then, with `force`, cut its power',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: z
      .strictObject({
        /** In place of the guest's own limits: for both ways of asking together. */
        timeoutMs: z.int().positive().max(7_200_000).optional(),
        force: z.boolean().optional(),
        /** Running guests that require it: `refuse` because of them (default), shut them down `first`, or `leave` them. */
        dependents: z.enum(['refuse', 'first', 'leave']).optional(),
      })
      .optional(),
    response: jobResponse,
    job: true,
    logs: ['timeoutMs', 'force', 'dependents'],
  },
  guestStop: {
    method: 'POST',
    path: '/v1/guests/:guest/stop',
    summary: 'Cut its power',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  guestReboot: {
    method: 'POST',
    path: '/v1/guests/:guest/reboot',
    summary: 'Restart its operating system; with `force`, press reset',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: z.strictObject({ force: z.boolean().optional() }).optional(),
    response: jobResponse,
    job: true,
    logs: ['force'],
  },
  guestPause: {
    method: 'POST',
    path: '/v1/guests/:guest/pause',
    summary: 'Stop its processors',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  guestResume: {
    method: 'POST',
    path: '/v1/guests/:guest/resume',
    summary: 'Let its processors run again',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  guestRename: {
    method: 'PATCH',
    path: '/v1/guests/:guest',
    summary: 'Give it another name; flows and dependencies follow',
    access: { permission: 'configure', on: 'guest' },
    versioned: 'guest',
    params: guestParams,
    body: z.strictObject({ name: z.string().max(63) }),
    response: jobResponse,
    job: true,
    logs: ['name'],
  },
  guestSet: {
    method: 'POST',
    path: '/v1/guests/:guest/set',
    summary:
      'Give it more or less memory, processors, disks and nics (these need the permission on the site); at once as far as its system can follow, the rest at its next start',
    access: { permission: 'configure', on: 'guest' },
    versioned: 'guest',
    params: guestParams,
    body: guestChangeSchema,
    response: jobResponse,
    job: true,
    logs: ['memoryMib', 'memoryRange', 'cpus', 'cpu', 'disks', 'nics'],
  },
  guestDelete: {
    method: 'DELETE',
    path: '/v1/guests/:guest',
    summary: 'Delete a stopped guest; its disks only with `deleteDisks`',
    access: { permission: 'configure', on: 'guest' },
    versioned: 'guest',
    params: guestParams,
    query: deleteDisksQuery,
    response: jobResponse,
    job: true,
  },
  consoleTicket: {
    method: 'POST',
    path: '/v1/guests/:guest/console-tickets',
    summary: 'A ticket by which a browser opens a console of the guest: once, within half a minute',
    access: { permission: 'operate', on: 'guest' },
    logs: ['kind'],
    params: guestParams,
    body: z.strictObject({ kind: consoleKindSchema }),
    response: consoleTicketSchema,
  },
  guestConsole: {
    method: 'GET',
    path: '/v1/guests/:guest/console',
    summary: 'The serial console as a websocket: binary both ways; the last `history` bytes come first',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    query: z.strictObject({
      history: z.coerce.number().int().min(0).max(1_048_576).default(16_384),
      ticket: consoleTicketQuery,
    }),
    stream: 'websocket',
  },
  guestScreen: {
    method: 'GET',
    path: '/v1/guests/:guest/screen',
    summary: 'The screen as a websocket: RFB, the protocol of VNC, binary both ways; whoever looks sees and types the same',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    query: z.strictObject({ ticket: consoleTicketQuery }),
    stream: 'websocket',
  },
  guestScreenshot: {
    method: 'GET',
    path: '/v1/guests/:guest/screenshot',
    summary: 'What its screen shows now, as a picture',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    media: 'image/png',
  },

  zoneList: {
    method: 'GET',
    path: '/v1/zones',
    summary: 'Every zone with its guests and flows',
    access: { permission: 'view', on: 'each' },
    response: list(zoneViewSchema),
  },
  zoneShow: {
    method: 'GET',
    path: '/v1/zones/:name',
    summary: 'One zone',
    params: nameParams,
    access: { permission: 'view', on: 'zone' },
    versioned: 'zone',
    response: zoneViewSchema,
  },
  zoneCheck: {
    method: 'POST',
    path: '/v1/zones/check',
    summary:
      'Decide what the rules in force do, for every pair of addresses and every port, then try pairs of guests, host and world for real; the job’s result is the proof',
    access: { permission: 'operate', on: 'site' },
    body: z
      .strictObject({
        control: z.boolean().default(true),
        extraPorts: z.array(z.string()).max(32).optional(),
        rulesOnly: z.boolean().default(false).describe('Decide only: nothing is sent, and no guest takes part'),
      })
      .optional(),
    response: jobResponse,
    job: true,
    logs: ['control', 'extraPorts', 'rulesOnly'],
  },
  zoneCheckShow: {
    method: 'GET',
    path: '/v1/zones/check',
    summary: 'The result of the last check',
    access: { permission: 'view', on: 'site' },
    response: zoneCheckSchema,
  },

  flowList: {
    method: 'GET',
    path: '/v1/flows',
    summary: 'Every flow, with the guests that it stands for',
    access: { permission: 'view', on: 'each' },
    response: list(flowViewSchema),
  },
  flowExplain: {
    method: 'GET',
    path: '/v1/flows/explain',
    summary: 'What decides between two ends on a port: by the site’s flows, and by the rules in force',
    access: { permission: 'view', on: 'site' },
    query: z.strictObject({
      from: z.string().min(1).max(80).describe('A guest, a zone, an address, `world` or `host`'),
      to: z.string().min(1).max(80).describe('The same'),
      port: z.string().min(1).max(40).describe('`tcp/80`, `udp/53`, `icmp`'),
    }),
    response: flowExplanationSchema,
  },
  flowVisitors: {
    method: 'GET',
    path: '/v1/guests/:guest/visitors',
    summary: 'Who can reach a guest, on which ports, by which flow',
    access: { permission: 'view', on: 'guest' },
    params: guestParams,
    response: list(flowVisitorSchema),
  },

  auditShow: {
    method: 'GET',
    path: '/v1/audit',
    summary: 'The five security rules with their evidence and verdicts, looked at now: at the kernel, and inside every guest',
    access: { permission: 'audit', on: 'site' },
    response: auditSchema,
  },

  imageList: {
    method: 'GET',
    path: '/v1/images',
    summary: 'Every image of the site',
    access: { permission: 'view', on: 'each' },
    response: list(imageViewSchema),
  },
  imageShow: {
    method: 'GET',
    path: '/v1/images/:name',
    summary: 'One image',
    access: { permission: 'view', on: 'each' },
    versioned: 'image',
    params: nameParams,
    response: imageViewSchema,
  },
  imageBuild: {
    method: 'POST',
    path: '/v1/images/:name/build',
    summary: 'Make an image of the site, if it is not there',
    access: { permission: 'configure', on: 'site' },
    params: nameParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  imageImport: {
    method: 'POST',
    path: '/v1/images',
    summary: 'Take a disk image, a file of the host or an address, under a name into the site',
    access: { permission: 'configure', on: 'site' },
    body: z.strictObject({
      name: z.string().max(63),
      source: z.union([z.strictObject({ file: z.string() }), z.strictObject({ url: z.string(), sha256: z.string() })]),
    }),
    response: jobResponse,
    job: true,
    logs: ['name', 'source'],
  },
  imageDelete: {
    method: 'DELETE',
    path: '/v1/images/:name',
    summary: 'Delete an image that no guest uses',
    access: { permission: 'configure', on: 'site' },
    versioned: 'image',
    params: nameParams,
    response: jobResponse,
    job: true,
  },

  jobList: {
    method: 'GET',
    path: '/v1/jobs',
    summary: 'Jobs, newest first',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      state: z.enum(['running', 'succeeded', 'failed', 'cancelled']).optional(),
    }),
    response: list(jobSchema),
  },
  jobShow: {
    method: 'GET',
    path: '/v1/jobs/:job',
    summary: 'One job',
    params: jobParams,
    access: { permission: 'view', on: 'job' },
    response: jobSchema,
  },
  jobFollow: {
    method: 'GET',
    path: '/v1/jobs/:job/stream',
    summary: 'The job at every change until it ends, as server-sent events',
    access: { permission: 'view', on: 'job' },
    params: jobParams,
    stream: 'events',
  },
  jobCancel: {
    method: 'POST',
    path: '/v1/jobs/:job/cancel',
    summary: 'Cancel a running job',
    access: { permission: 'operate', on: 'job' },
    params: jobParams,
    body: emptyBody,
    response: jobSchema,
  },

  eventList: {
    method: 'GET',
    path: '/v1/events',
    summary: 'What happened, oldest first, the last `limit` or those after an id',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({
      after: z.coerce.number().int().min(0).optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      object: eventObject,
    }),
    response: list(eventSchema),
  },
  eventFollow: {
    method: 'GET',
    path: '/v1/events/stream',
    summary: 'Events as they happen, as server-sent events; resumes after `Last-Event-ID`',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({ after: z.coerce.number().int().min(0).optional(), object: eventObject }),
    stream: 'events',
  },

  logList: {
    method: 'GET',
    path: '/v1/audit-log',
    summary: 'Who did what from where, and how it went: everything that changes something, consoles and logins, newest first',
    query: z.strictObject({
      before: z.coerce.number().int().min(1).optional().describe('Only what is older than this number: the next page'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      actor: z.string().min(1).max(200).optional(),
      operation: z.string().min(1).max(63).optional().describe('Id of an endpoint, as `guestStart`'),
      object: z.string().min(1).max(200).optional().describe('As it was named: `guest/web`'),
      kind: z.enum(['request', 'login']).optional(),
    }),
    access: { permission: 'audit', on: 'site' },
    response: list(loggedActionSchema),
  },
  logEntries: {
    method: 'GET',
    path: '/v1/audit-log/entries',
    summary: 'The audit log as it was written, oldest first: what is exported, and what proves by its hashes that nothing was changed',
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
    }),
    access: { permission: 'audit', on: 'site' },
    /** `last`: number of the last entry ever written. */
    response: z.strictObject({ items: z.array(logEntrySchema), last: z.int().min(0) }),
  },

  hostShow: { method: 'GET', path: '/v1/host', summary: 'This host', access: { permission: 'view', on: 'site' }, response: hostSchema },
  hostCertificate: {
    method: 'GET',
    path: '/v1/host/certificate',
    summary: 'By which certificate the host is known, and the authority that it made, for import',
    access: { permission: 'view', on: 'site' },
    response: hostCertificateSchema,
  },
  hostExamination: {
    method: 'GET',
    path: '/v1/host/examination',
    summary: 'What the doctor found on the host the last time that it was asked for',
    access: { permission: 'view', on: 'site' },
    response: hostExaminationSchema,
  },
  hostExamine: {
    method: 'POST',
    path: '/v1/host/examination',
    summary:
      'Have the doctor look at the host, as `caisson doctor` does, but for what only root can try; the job’s result is what it found',
    access: { permission: 'operate', on: 'site' },
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  hostShutdown: {
    method: 'POST',
    path: '/v1/host/shutdown',
    summary: 'Stop every guest in order; the daemon then keeps them stopped until `site apply` or the next start of the host',
    access: { permission: 'operate', on: 'site' },
    body: z
      .strictObject({
        /** For each guest, in place of its own limits. */
        timeoutMs: z.int().positive().max(7_200_000).optional(),
        /** For all of them together: divided among the levels; what is not down in its share loses its power. */
        withinMs: z.int().positive().max(86_400_000).optional(),
      })
      .optional(),
    response: jobResponse,
    job: true,
    logs: ['timeoutMs', 'withinMs'],
  },
});

export type Endpoints = typeof endpoints;
export type EndpointId = keyof Endpoints;
