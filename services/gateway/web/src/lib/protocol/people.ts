// SPDX-License-Identifier: Apache-2.0
import { Direction, type FriendRequest } from '../../gen/parley/friend/v1/friend_pb';
import type { Clients } from './clients';
import { toPerson } from './convert';
import type { Person } from './model';
import type { Storage } from './ports';

/** One friendship of the user. */
export interface Friend {
  person: Person;
  since: number;
  conversationId: string;
  /** The user's own name for the friend; may be empty, and is missing in what an older version stored. */
  remark?: string;
}

/** Somebody whom the user blocks. */
export interface Blocked {
  person: Person;
  since: number;
}

/** A request that waits for an answer. */
export interface Request {
  requestId: string;
  person: Person;
  text: string;
  createdAt: number;
}

const RELOAD_MS = 200;
const BATCH = 100;

/** People knows friends, open requests, blocked people and profiles; what was missed in a break is loaded again. */
export class People {
  readonly known = new Map<string, Person>();
  friends: Friend[] = [];
  incoming: Request[] = [];
  outgoing: Request[] = [];
  blocked: Blocked[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly asked = new Set<string>();

  constructor(
    private readonly clients: Pick<Clients, 'friends' | 'users'>,
    private readonly storage: Storage,
    private readonly changed: () => void,
  ) {}

  /** Takes what an earlier run stored. */
  async load(): Promise<void> {
    for (const person of await this.storage.loadPeople()) this.known.set(person.userId, person);
    this.friends = (await this.storage.getValue<Friend[]>('friends')) ?? [];
    this.incoming = (await this.storage.getValue<Request[]>('incoming')) ?? [];
    this.outgoing = (await this.storage.getValue<Request[]>('outgoing')) ?? [];
    this.blocked = (await this.storage.getValue<Blocked[]>('blocked')) ?? [];
    this.changed();
  }

  /** The name of a person as the user sees it: the own remark before the nickname; empty if nobody knows. */
  nameOf(userId: string): string {
    return this.friends.find((friend) => friend.person.userId === userId)?.remark || (this.known.get(userId)?.nickname ?? '');
  }

  /** Loads friends, requests and blocked people again, soon; many wishes become one. */
  reloadSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.reload().catch(() => undefined);
    }, RELOAD_MS);
  }

  /** Loads friends, requests and blocked people again. */
  async reload(): Promise<void> {
    const [friends, incoming, outgoing, blocked] = await Promise.all([
      this.allFriends(),
      this.allRequests(Direction.INCOMING),
      this.allRequests(Direction.OUTGOING),
      // A server of an older version has no such list.
      this.allBlocked().catch(() => this.blocked),
    ]);
    Object.assign(this, { friends, incoming, outgoing, blocked });
    this.put([...friends, ...incoming, ...outgoing, ...blocked].map((item) => item.person));
    await Promise.all([
      this.storage.putValue('friends', friends),
      this.storage.putValue('incoming', incoming),
      this.storage.putValue('outgoing', outgoing),
      this.storage.putValue('blocked', blocked),
    ]).catch(() => undefined);
  }

  /** Takes profiles. */
  put(people: Person[]): void {
    const fresh = people.filter((person) => person.username !== '' || person.deleted);
    for (const person of fresh) {
      this.known.set(person.userId, person);
      for (const item of [...this.friends, ...this.incoming, ...this.outgoing, ...this.blocked]) {
        if (item.person.userId === person.userId) item.person = person;
      }
    }
    this.changed();
    void this.storage.putPeople(fresh).catch(() => undefined);
  }

  /** Asks for the profiles that are not known yet. */
  async need(userIds: Iterable<string>): Promise<void> {
    const missing = [...new Set(userIds)].filter((id) => !this.known.has(id) && !this.asked.has(id));
    missing.forEach((id) => this.asked.add(id));
    for (let i = 0; i < missing.length; i += BATCH) {
      const batch = missing.slice(i, i + BATCH);
      try {
        const answer = await this.clients.users.batchGetUsers({ userIds: batch });
        this.put(answer.users.map(toPerson));
      } catch {
        batch.forEach((id) => this.asked.delete(id));
      }
    }
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private allFriends(): Promise<Friend[]> {
    return everyPage(async (pageToken) => {
      const { friends, nextPageToken } = await this.clients.friends.listFriends({ pageToken });
      const items = friends.flatMap(({ user, since, conversationId, remark }) =>
        user ? [{ person: toPerson(user), since: Number(since), conversationId, remark }] : [],
      );
      return { items, nextPageToken };
    });
  }

  private allRequests(direction: Direction): Promise<Request[]> {
    return everyPage(async (pageToken) => {
      const { requests, nextPageToken } = await this.clients.friends.listRequests({ direction, pageToken });
      return { items: requests.flatMap((request) => toRequest(request, direction)), nextPageToken };
    });
  }

  private allBlocked(): Promise<Blocked[]> {
    return everyPage(async (pageToken) => {
      const { blocked, nextPageToken } = await this.clients.friends.listBlocked({ pageToken });
      const items = blocked.flatMap(({ user, since }) => (user ? [{ person: toPerson(user), since: Number(since) }] : []));
      return { items, nextPageToken };
    });
  }
}

async function everyPage<T>(read: (pageToken: string) => Promise<{ items: T[]; nextPageToken: string }>): Promise<T[]> {
  const all: T[] = [];
  let pageToken = '';
  do {
    const page = await read(pageToken);
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return all;
}

function toRequest(wire: FriendRequest, direction: Direction): Request[] {
  const user = direction === Direction.INCOMING ? wire.applicant : wire.respondent;
  if (!user) return [];
  return [{ requestId: wire.requestId, person: toPerson(user), text: wire.text, createdAt: Number(wire.createdAt) }];
}
