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

/** People knows friends, open requests and profiles; what was missed in a break is loaded again. */
export class People {
  readonly known = new Map<string, Person>();
  friends: Friend[] = [];
  incoming: Request[] = [];
  outgoing: Request[] = [];
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
    this.changed();
  }

  /** Loads friends and requests again, soon; many wishes become one. */
  reloadSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.reload().catch(() => undefined);
    }, RELOAD_MS);
  }

  /** Loads friends and requests again. */
  async reload(): Promise<void> {
    const [friends, incoming, outgoing] = await Promise.all([
      this.allFriends(),
      this.allRequests(Direction.INCOMING),
      this.allRequests(Direction.OUTGOING),
    ]);
    Object.assign(this, { friends, incoming, outgoing });
    this.put([...friends, ...incoming, ...outgoing].map((item) => item.person));
    await Promise.all([
      this.storage.putValue('friends', friends),
      this.storage.putValue('incoming', incoming),
      this.storage.putValue('outgoing', outgoing),
    ]).catch(() => undefined);
  }

  /** Takes profiles. */
  put(people: Person[]): void {
    const fresh = people.filter((person) => person.username !== '');
    for (const person of fresh) {
      this.known.set(person.userId, person);
      for (const item of [...this.friends, ...this.incoming, ...this.outgoing]) {
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

  private async allFriends(): Promise<Friend[]> {
    const all: Friend[] = [];
    let pageToken = '';
    do {
      const answer = await this.clients.friends.listFriends({ pageToken });
      for (const friend of answer.friends) {
        if (!friend.user) continue;
        all.push({ person: toPerson(friend.user), since: Number(friend.since), conversationId: friend.conversationId });
      }
      pageToken = answer.nextPageToken;
    } while (pageToken !== '');
    return all;
  }

  private async allRequests(direction: Direction): Promise<Request[]> {
    const all: Request[] = [];
    let pageToken = '';
    do {
      const answer = await this.clients.friends.listRequests({ direction, pageToken });
      all.push(...answer.requests.flatMap((request) => toRequest(request, direction)));
      pageToken = answer.nextPageToken;
    } while (pageToken !== '');
    return all;
  }
}

function toRequest(wire: FriendRequest, direction: Direction): Request[] {
  const user = direction === Direction.INCOMING ? wire.applicant : wire.respondent;
  if (!user) return [];
  return [{ requestId: wire.requestId, person: toPerson(user), text: wire.text, createdAt: Number(wire.createdAt) }];
}
