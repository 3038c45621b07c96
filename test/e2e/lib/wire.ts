// SPDX-License-Identifier: Apache-2.0
// A hand on the WebSocket between a page and its server: cuts, silence and frames of its own.
import type { Page, WebSocketRoute } from '@playwright/test';

const CLIENT_SEND = 4;
const SERVER_SENT = 5;
/** Codes that pages may be told without a close of the server; the client resumes after it. */
const LOST = 4000;

/** The connections of one page; laid before the page connects. */
export class Wire {
  /** Connections that the page has opened so far. */
  opened = 0;
  /** Sends whose answer was cut off. */
  cuts = 0;
  private mode: 'open' | 'silent' | 'closed' = 'open';
  private cutEvery = 0;
  private sends = 0;
  private readonly lines = new Set<{ page: WebSocketRoute; server: WebSocketRoute }>();

  async lay(page: Page): Promise<this> {
    await page.routeWebSocket(/\/v1\/ws/, (socket) => this.connect(socket));
    return this;
  }

  /** Cuts every nth send after the server has it and before the page hears of it; 0 ends that. */
  cutSends(every: number): void {
    this.cutEvery = every;
  }

  /** Ends all connections, and those that come, until it is opened again. */
  async close(): Promise<void> {
    this.mode = 'closed';
    for (const line of [...this.lines]) await this.lose(line);
  }

  /** Ends all connections as the server does, with a code and its name. */
  async end(code: number, reason: string): Promise<void> {
    for (const line of [...this.lines]) await this.lose(line, code, reason);
  }

  /** Lets nothing through any more, and tells nobody: as when a machine sleeps. */
  silence(): void {
    this.mode = 'silent';
  }

  open(): void {
    this.mode = 'open';
  }

  /** Gives the page a frame that its server did not send. */
  tell(frame: Buffer): void {
    for (const { page } of this.lines) page.send(frame);
  }

  private connect(page: WebSocketRoute): void {
    this.opened++;
    if (this.mode === 'closed') {
      void page.close({ code: LOST });
      return;
    }
    const line = { page, server: page.connectToServer() };
    this.lines.add(line);
    let cut = false;
    const silent = this.mode === 'silent';
    page.onMessage((frame) => {
      if (cut || silent || this.mode === 'silent') return;
      if (kind(frame) === CLIENT_SEND && this.cutEvery > 0 && this.sends++ % this.cutEvery === 0) cut = true;
      line.server.send(frame);
    });
    line.server.onMessage((frame) => {
      if (silent || this.mode === 'silent' || !this.lines.has(line)) return;
      if (!cut) return page.send(frame);
      if (kind(frame) !== SERVER_SENT) return;
      void this.lose(line).then(() => this.cuts++);
    });
    page.onClose((code, reason) => {
      this.lines.delete(line);
      void line.server.close({ code, reason });
    });
    line.server.onClose((code, reason) => {
      if (this.lines.delete(line) && this.mode !== 'silent') void page.close({ code, reason });
    });
  }

  private async lose(line: { page: WebSocketRoute; server: WebSocketRoute }, code = LOST, reason = ''): Promise<void> {
    this.lines.delete(line);
    await line.page.close({ code, reason });
    await line.server.close({ code: 1000 });
  }
}

/** Number of the kind of a frame: both directions begin with an optional id, then comes the kind. */
function kind(frame: string | Buffer): number {
  const bytes = Buffer.from(frame as Buffer);
  let at = 0;
  if (bytes[0] === 0x08) {
    at = 1;
    while (bytes[at]! & 0x80) at++;
    at++;
  }
  return (bytes[at] ?? 0) >> 3;
}

/** The frame of a planned move: at once, and the old connection lives for ten seconds. */
export function plannedMove(): Buffer {
  // reconnect = 12: after_ms 0, jitter_ms 0, deadline_ms 10000.
  return Buffer.from([0x62, 0x03, 0x18, 0x90, 0x4e]);
}
