// Who asks: signing in and out, and the first administrator.
import { z } from 'zod';
import {
  commandCodeSchema,
  commandDecisionSchema,
  commandSignInAnswerSchema,
  commandSignInAskSchema,
  commandSignInBegunSchema,
  commandSignInSchema,
} from '../../model/command-sign-in.ts';
import { providerAnswerSchema, providerBeginningSchema } from '../../model/identity-provider.ts';
import { meSchema } from '../../model/me.ts';
import { keyAssertionSchema } from '../../model/security-key.ts';
import { sessionKindSchema, signedInSchema, signedOutSchema } from '../../model/session.ts';
import { setUpLinkSchema, userSchema } from '../../model/user.ts';
import { defineEndpoints } from '../endpoint.ts';
import { emptyBody } from './parts.ts';

export const meEndpoints = defineEndpoints({
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
    summary: 'By what people sign in here: `password` tells whether anybody does by one; `provider` names a provider of identities',
    access: 'anybody',
    response: z.strictObject({ password: z.boolean(), provider: z.string().optional() }),
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
  loginProviderLogout: {
    method: 'POST',
    path: '/v1/login/provider/logout',
    summary:
      'For the provider of identities: somebody has logged out there (OpenID Connect Back-Channel Logout), which ends the sessions that came from it',
    access: 'anybody',
    logsItself: true,
    form: true,
    // More than is known may come with it.
    body: z.object({ logout_token: z.string().min(1).max(16_384).describe('Signed by the provider') }),
    response: z.strictObject({}),
  },
  loginCommandBegin: {
    method: 'POST',
    path: '/v1/login/command',
    summary: 'A command line asks to be signed in by a browser: a secret for itself, and a code to be approved on the page',
    access: 'anybody',
    changes: 'nothing',
    body: commandSignInAskSchema,
    response: commandSignInBegunSchema,
  },
  loginCommandShow: {
    method: 'GET',
    path: '/v1/login/command',
    summary: 'Which command line waits with this code; for users who are signed in in a browser',
    access: 'signed-in',
    query: z.strictObject({ code: commandCodeSchema }),
    response: commandSignInSchema,
  },
  loginCommandDecide: {
    method: 'POST',
    path: '/v1/login/command/decide',
    summary: 'Sign in the command line that waits with this code, as oneself, or refuse it; for users who are signed in in a browser',
    access: 'signed-in',
    logs: ['code', 'decision'],
    body: z.strictObject({ code: commandCodeSchema, decision: commandDecisionSchema }),
    response: commandSignInSchema,
  },
  loginCommandFinish: {
    method: 'POST',
    path: '/v1/login/command/finish',
    summary:
      'The command line asks whether somebody has decided, not more often than every `everySeconds`; once approved it gets its session, once',
    access: 'anybody',
    logsItself: true,
    body: z.strictObject({ secret: z.string().max(200) }),
    response: commandSignInAnswerSchema,
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
});
