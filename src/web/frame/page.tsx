// Which page stands where. The ones that carry much are loaded when they are come to.
import { EventsPage } from '../pages/events.tsx';
import { GuestPage } from '../pages/guest.tsx';
import { GuestsPage } from '../pages/guests.tsx';
import { HostPage } from '../pages/host.tsx';
import { JobsPage } from '../pages/jobs.tsx';
import { Overview } from '../pages/overview.tsx';
import type { Route } from '../route.ts';
import { Later } from './later.tsx';

export function Page({ route }: { route: Route }) {
  const [first] = route.rest;
  switch (route.page) {
    case 'overview':
      return <Overview />;
    case 'guests':
      if (first === undefined) return <GuestsPage filter={route.query.get('filter') ?? ''} />;
      if (first === '+') return <Later key="new" load={async () => (await import('../pages/guest-file.tsx')).NewGuestPage} props={{}} />;
      return <GuestPage key={first} name={first} tab={route.rest[1]} />;
    case 'zones':
      return (
        <Later
          key={`zones ${first ?? ''} ${route.query.get('node') ?? ''}`}
          load={async () => (await import('../pages/zones.tsx')).ZonesPage}
          props={{ zone: first, node: route.query.get('node') ?? undefined }}
        />
      );
    case 'jobs':
      return <JobsPage uid={first} />;
    case 'events':
      return <EventsPage />;
    case 'audit':
      return <Later key="audit" load={async () => (await import('../pages/audit.tsx')).AuditPage} props={{}} />;
    case 'log':
      return <Later key="log" load={async () => (await import('../pages/log.tsx')).LogPage} props={{}} />;
    case 'accounts':
      return (
        <Later
          key={`accounts ${first ?? ''}`}
          load={async () => (await import('../pages/accounts.tsx')).AccountsPage}
          props={{ user: first }}
        />
      );
    case 'settings':
      return <Later key="settings" load={async () => (await import('../pages/settings.tsx')).SettingsPage} props={{}} />;
    case 'command':
      return (
        <Later
          key={`command ${first ?? ''}`}
          load={async () => (await import('../pages/command.tsx')).CommandPage}
          props={{ code: first }}
        />
      );
    case 'host':
      return <HostPage />;
    case 'site':
      return <Later key="site" load={async () => (await import('../pages/site.tsx')).SitePage} props={{}} />;
  }
}
