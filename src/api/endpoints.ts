// The contract between the daemon and everybody who talks to it: one row an endpoint, the rows of a noun in a file of its own. A new row gets a handler in
// `src/daemon/handlers.ts`; the compiler says where one is missing.
import { auditEndpoints } from './endpoints/audit.ts';
import { consoleEndpoints } from './endpoints/console.ts';
import { eventEndpoints } from './endpoints/event.ts';
import { flowEndpoints } from './endpoints/flow.ts';
import { guestEndpoints } from './endpoints/guest.ts';
import { hostEndpoints } from './endpoints/host.ts';
import { identityProviderEndpoints } from './endpoints/identity-provider.ts';
import { imageEndpoints } from './endpoints/image.ts';
import { jobEndpoints } from './endpoints/job.ts';
import { logEndpoints } from './endpoints/log.ts';
import { meEndpoints } from './endpoints/me.ts';
import { sessionEndpoints } from './endpoints/session.ts';
import { siteEndpoints } from './endpoints/site.ts';
import { tokenEndpoints } from './endpoints/token.ts';
import { userEndpoints } from './endpoints/user.ts';
import { zoneEndpoints } from './endpoints/zone.ts';

export const endpoints = {
  ...meEndpoints,
  ...userEndpoints,
  ...sessionEndpoints,
  ...identityProviderEndpoints,
  ...tokenEndpoints,
  ...siteEndpoints,
  ...guestEndpoints,
  ...consoleEndpoints,
  ...zoneEndpoints,
  ...flowEndpoints,
  ...auditEndpoints,
  ...imageEndpoints,
  ...jobEndpoints,
  ...eventEndpoints,
  ...logEndpoints,
  ...hostEndpoints,
} as const;

export type Endpoints = typeof endpoints;
export type EndpointId = keyof Endpoints;
