// Where TLS listeners get their certificate from, now and after each change. Implemented by a certificate of the host's own making, and by files
// that somebody else keeps.
import type { HostCertificate } from '../../model/host-certificate.ts';
import type { TlsIdentity } from './tls-identity.ts';

export interface TlsSource {
  /** What is shown to everybody, but who asks for a name of `named`. */
  readonly identity: TlsIdentity;
  /** What is shown to who asks for one of its names; absent: there is none. */
  readonly named?: TlsIdentity | undefined;
  /** By name, while there are any: what proves to an authority, which asks for that name and the protocol `acme-tls/1` alone, that it is here. */
  readonly proofs?: ReadonlyMap<string, TlsIdentity> | undefined;
  /** What people are shown of it. */
  describe(): HostCertificate;
  /** Calls `listener` with every new identity. */
  onChange(listener: (identity: TlsIdentity) => void): () => void;
  /** Looks whether it is time for another; what is wrong is logged, and the one in use stays. */
  refresh(): Promise<void>;
  close(): void;
}
