// The provider of identities.
import { providerCheckSchema, providerSchema, wantedProviderSchema } from '../../model/identity-provider.ts';
import { defineEndpoints } from '../endpoint.ts';
import { emptyBody } from './parts.ts';

export const identityProviderEndpoints = defineEndpoints({
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
});
