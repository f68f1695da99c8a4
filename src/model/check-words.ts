// A readiness check in words.

/** What the words need of a check, whose schema is in service.ts. */
type AskedCheck =
  | { tcp: { port: number } }
  | { http: { port: number; path: string } }
  | { dns: { type: string; name: string } }
  | { agent: unknown }
  | { command: readonly string[] };

/** What a check asks, in words: `TCP 3306`, `HTTP :80/health`. */
export function describeCheck(check: AskedCheck): string {
  if ('tcp' in check) return `TCP ${check.tcp.port}`;
  if ('http' in check) return `HTTP :${check.http.port}${check.http.path}`;
  if ('dns' in check) return `DNS ${check.dns.type} ${check.dns.name}`;
  if ('agent' in check) return 'guest agent';
  return `command ${check.command.join(' ')}`;
}
