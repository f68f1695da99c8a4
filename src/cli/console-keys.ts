// The keys that a console does not send to the guest. Pure but for remembering the last key.

const escapeKey = 0x1d; // Ctrl-]
const leaveKey = 0x71; // q

/** Finds Ctrl-] q, which leaves, and Ctrl-] Ctrl-], which sends one Ctrl-], also when they come in pieces. */
export class ConsoleKeys {
  #escaped = false;

  /** What is for the guest, up to where the user leaves. */
  read(chunk: Uint8Array): { send: Buffer; leave: boolean } {
    const send: number[] = [];
    for (const key of chunk) {
      if (this.#escaped) {
        this.#escaped = false;
        if (key === leaveKey) return { send: Buffer.from(send), leave: true };
        // Anything else was meant for the guest, and so was the key before.
        send.push(escapeKey);
        if (key !== escapeKey) send.push(key);
      } else if (key === escapeKey) this.#escaped = true;
      else send.push(key);
    }
    return { send: Buffer.from(send), leave: false };
  }
}
