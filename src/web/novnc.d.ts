/** What the page uses of noVNC, which comes without types. */
declare module '@novnc/novnc' {
  interface RfbOptions {
    shared?: boolean;
  }

  export default class RFB extends EventTarget {
    /** Messages of a client, as they are sent. */
    static readonly messages: { clientEncodings: (socket: unknown, encodings: readonly number[]) => void };

    constructor(target: HTMLElement, channel: WebSocket, options?: RfbOptions);
    background: string;
    scaleViewport: boolean;
    focus(options?: FocusOptions): void;
    /** Down or up; both without the last. */
    sendKey(keysym: number, code: string, down?: boolean): void;
    disconnect(): void;
  }
}
