// SPDX-License-Identifier: Apache-2.0
import { Platform, type Reconnect, type ServerFrame, type Welcome } from '../../gen/parley/gateway/v1/frame_pb';
import type { SyncResponse } from '../../gen/parley/message/v1/message_pb';
import { Backoff } from './backoff';
import { closeRule, type CloseRule } from './closecodes';
import { Connection, Lost, type ClientKind } from './connection';
import type { Phase } from './model';
import { LoginNeeded, type Address, type SessionEvents, type SessionPorts } from './sessionports';

const HIDDEN_PING_MS = 60_000;
const AT_MOST_ONE_TRY_MS = 1_000;
const ANSWER_MS = 10_000;
const SUPERSEDED = 4409;

type Stage = Extract<Phase, 'CONNECTING' | 'AUTHENTICATING' | 'RESUMING' | 'SYNCING' | 'LIVE'>;

interface Link {
  stage: Stage;
  connection?: Connection;
}

/**
 * Session keeps one login connected. At most two links exist: the primary, and a candidate that takes
 * its place once it is LIVE. A first connect is a candidate without a primary.
 */
export class Session {
  phase: Phase = 'SIGNED_OUT';
  /** By how much the clock of the server is ahead of the one here, ms. */
  clockOffset = 0;
  private primary: Link | undefined;
  private candidate: Link | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private moveDeadline = 0;
  /** True when a second link ended while the first was there. */
  private moveFailed = false;
  private lastTry = -Infinity;
  private lastEpoch = 0n;
  private fresh = false;
  private over: Phase | undefined = 'SIGNED_OUT';
  private readonly backoff: Backoff;

  constructor(
    private readonly ports: SessionPorts,
    private readonly events: SessionEvents,
  ) {
    this.backoff = new Backoff(ports.random);
  }

  /** Starts to connect; also from STOPPED, when the user wants it. */
  start(): void {
    if (!this.over) return;
    this.over = undefined;
    this.connect();
  }

  /** Ends all by own wish. */
  stop(): void {
    this.finish('SIGNED_OUT');
  }

  /** The user or the network asks for a try now; a second within a second waits. */
  retryNow(): void {
    if (this.over || this.candidate || this.primary) return;
    const wait = Math.max(0, this.lastTry + AT_MOST_ONE_TRY_MS - Date.now());
    this.later(wait, () => this.connect());
  }

  /** The machine woke up, the network changed or the tab is seen: ask for a sign of life. */
  wake(): void {
    if (this.primary) this.primary.connection?.ping();
    else this.retryNow();
  }

  /** True when sends may leave. */
  get canSend(): boolean {
    return this.sender() !== undefined;
  }

  /** Sends a frame and waits for its answer; fails with Lost. */
  ask(kind: ClientKind): Promise<ServerFrame> {
    const connection = this.sender();
    return connection ? connection.ask(kind, ANSWER_MS) : Promise.reject(new Lost('not connected'));
  }

  /** Sends a frame that gets no answer. Answers false if there is no connection for it. */
  tell(kind: ClientKind): boolean {
    const connection = this.sender();
    connection?.tell(kind);
    return connection !== undefined;
  }

  /** Proves the login anew, on the open connection and on those to come. */
  setToken(token: string): void {
    this.ports.identity.token = token;
    this.primary?.connection?.tell({ case: 'auth', value: this.auth() });
  }

  /** Shows SYNCING while the work runs, if the session is LIVE. */
  track(work: Promise<void>): void {
    const link = this.primary;
    if (link?.stage !== 'LIVE') return;
    link.stage = 'SYNCING';
    this.show();
    void work.finally(() => {
      if (this.primary === link && link.stage === 'SYNCING') this.promote(link);
    });
  }

  private sender(): Connection | undefined {
    const link = [this.primary, this.candidate].find((one) => one && (one.stage === 'LIVE' || one.stage === 'SYNCING'));
    return link?.connection;
  }

  private connect(): void {
    clearTimeout(this.timer);
    if (this.over || this.candidate) return;
    this.lastTry = Date.now();
    const link: Link = { stage: 'CONNECTING' };
    this.candidate = link;
    this.show();
    this.ports.resolve().then(
      (address) => this.open(link, address),
      (error: unknown) => {
        if (this.candidate !== link) return;
        this.closed(link, error instanceof LoginNeeded ? error.rule : closeRule(1006, ''));
      },
    );
  }

  private open(link: Link, address: Address): void {
    if (this.candidate !== link) return;
    if (address.afterMs > 0) {
      this.timer = setTimeout(() => this.open(link, { ...address, afterMs: 0 }), address.afterMs);
      return;
    }
    link.connection = new Connection(
      this.ports.open(address.path),
      {
        auth: this.auth(),
        cursor: this.fresh ? '' : this.events.cursor(),
        pingEvery: (pingMs) => (this.ports.hidden() ? Math.max(pingMs, HIDDEN_PING_MS) : pingMs),
        currentCursor: () => this.events.cursor(),
        active: () => this.ports.active(),
      },
      {
        opened: () => this.enter(link, 'AUTHENTICATING'),
        frame: (frame) => this.receive(link, frame),
        closed: (code, reason) => this.closed(link, closeRule(code, reason), code),
      },
    );
  }

  private auth() {
    const { token, deviceId, instanceId, appVersion, locale } = this.ports.identity;
    return { token, device: { deviceId, instanceId, appVersion, locale, platform: Platform.WEB }, protocol: 1, lastEpoch: this.lastEpoch };
  }

  private receive(link: Link, frame: ServerFrame): void {
    switch (frame.kind.case) {
      case 'welcome':
        this.welcomed(link, frame.kind.value);
        break;
      case 'resumed':
        this.resumed(link, frame.kind.value);
        break;
      case 'reconnect':
        this.move(link, frame.kind.value);
        break;
      default:
        this.events.frame(frame);
    }
  }

  private welcomed(link: Link, welcome: Welcome): void {
    if (welcome.serverTime > 0n) this.clockOffset = Number(welcome.serverTime) - Date.now();
    if (welcome.epoch > this.lastEpoch) this.lastEpoch = welcome.epoch;
    // A later one answers a token that was swapped.
    if (link.stage === 'AUTHENTICATING') this.enter(link, 'RESUMING');
  }

  private resumed(link: Link, response: SyncResponse): void {
    if (link.stage !== 'RESUMING') return;
    this.fresh = false;
    const work = this.events.resumed(response);
    if (!work) {
      this.promote(link);
      return;
    }
    this.enter(link, 'SYNCING');
    this.events.ready();
    void work.catch(() => undefined).then(() => this.promote(link));
  }

  private promote(link: Link): void {
    if (link !== this.candidate && link !== this.primary) return;
    link.stage = 'LIVE';
    const fresh = link === this.candidate;
    if (fresh) {
      const old = this.primary;
      this.primary = link;
      this.candidate = undefined;
      this.moveFailed = false;
      old?.connection?.close();
    }
    this.backoff.live();
    this.show();
    this.events.ready();
    if (fresh) this.events.connected();
  }

  private move(link: Link, order: Reconnect): void {
    if (link !== this.primary || this.candidate) return;
    this.moveDeadline = Date.now() + Number(order.deadlineMs);
    this.later(Number(order.afterMs) + this.ports.random() * Number(order.jitterMs), () => this.connect());
  }

  private closed(link: Link, rule: CloseRule, code?: number): void {
    if (link !== this.primary && link !== this.candidate) return;
    link.connection?.close();
    if (link === this.primary) {
      this.primary = undefined;
      // A first link that ends during a move is expected, whatever the code.
      if (this.candidate && rule.action !== 'login') {
        this.show();
        return;
      }
      // It may hear of a second one that did not come to be.
      if (code === SUPERSEDED && this.moveFailed) rule = closeRule(1006, '');
    } else {
      this.candidate = undefined;
      this.moveFailed = this.primary !== undefined;
    }
    this.follow(rule);
  }

  private follow(rule: CloseRule): void {
    if (rule.action === 'login' || rule.action === 'stop') {
      this.finish(rule.action === 'login' ? 'SIGNED_OUT' : 'STOPPED');
      this.events.ended(rule);
      return;
    }
    if (rule.action === 'sync') this.fresh = true;
    const ownDelay = this.backoff.next();
    const delay = rule.afterMs === undefined ? ownDelay : rule.afterMs + this.ports.random() * (rule.jitterMs ?? 0);
    this.show();
    // While the first link of a move still lives, there is time until its deadline only.
    const left = this.primary ? this.moveDeadline - Date.now() : 0;
    this.later(left > 0 ? Math.min(delay, left) : delay, () => this.connect());
  }

  private finish(phase: Phase): void {
    this.over = phase;
    clearTimeout(this.timer);
    const links = [this.primary, this.candidate];
    this.primary = undefined;
    this.candidate = undefined;
    links.forEach((link) => link?.connection?.close());
    this.show();
  }

  private enter(link: Link, stage: Stage): void {
    link.stage = stage;
    this.show();
  }

  private later(delayMs: number, run: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(run, delayMs);
  }

  private show(): void {
    const phase = this.over ?? this.current();
    if (phase === this.phase) return;
    this.phase = phase;
    this.events.phase(phase);
  }

  private current(): Phase {
    if (this.primary && this.candidate) return 'MOVING';
    return this.primary?.stage ?? this.candidate?.stage ?? 'WAITING';
  }
}
