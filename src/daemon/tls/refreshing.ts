// An identity that is looked at from time to time: a new one is told, one that cannot be read leaves the old one in use.
import type { Log } from '../../lib/log.ts';
import type { TlsIdentity } from './tls-identity.ts';

export interface Refreshing {
  readonly identity: TlsIdentity;
  onChange(listener: (identity: TlsIdentity) => void): () => void;
  refresh(): Promise<void>;
  close(): void;
}

export interface RefreshingOptions {
  identity: TlsIdentity;
  /** The one that should be in use. */
  read: () => Promise<TlsIdentity>;
  everyMs: number;
  log: Log;
}

export function startRefreshing({ identity: first, read, everyMs, log }: RefreshingOptions): Refreshing {
  let identity = first;
  let running: Promise<void> | undefined;
  let said = '';
  const listeners = new Set<(identity: TlsIdentity) => void>();
  const look = async () => {
    try {
      const next = await read();
      said = '';
      if (next.certificates === identity.certificates && next.key === identity.key) return;
      identity = next;
      log.info('another certificate is in use', { fingerprint: next.certificate.fingerprint256, until: next.certificate.validTo });
      for (const listener of listeners) listener(next);
    } catch (error) {
      // Once, not every minute.
      if (said !== String(error))
        log.error('the certificate cannot be renewed; the one in use stays', { error, until: identity.certificate.validTo });
      said = String(error);
    }
  };
  const refresh = () => {
    running ??= look().finally(() => (running = undefined));
    return running;
  };
  const timer = setInterval(() => void refresh(), everyMs);
  timer.unref();
  return {
    get identity() {
      return identity;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
    close() {
      clearInterval(timer);
      listeners.clear();
    },
  };
}
