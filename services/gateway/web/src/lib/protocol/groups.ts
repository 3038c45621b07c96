// SPDX-License-Identifier: Apache-2.0
import type { Conversation as WireConversation } from '../../gen/parley/message/v1/conversation_pb';
import type { MemberRole } from '../../gen/parley/message/v1/system_pb';
import type { Clients } from './clients';
import type { Member } from './model';
import type { Replica } from './replica';
import { uuid7 } from './uuid';

const PAGE = 200;
const MEMBERS_MOST = 1_000;
const FACES = 3;

/** Groups makes and changes groups, and knows who is in them. */
export class Groups {
  private readonly lists = new Map<string, { rev: number; members: Member[] }>();
  private readonly running = new Set<string>();
  /** The key of a group that is being made: a repeat makes no second one. */
  private making: { payload: string; key: string } | undefined;

  constructor(
    private readonly me: string,
    private readonly clients: Pick<Clients, 'conversations'>,
    private readonly replica: Replica,
    private readonly changed: (conversationId: string) => void,
  ) {}

  /** The members as far as they are loaded, owner and admins first; at most 1,000. */
  members(conversationId: string): Member[] {
    return this.lists.get(conversationId)?.members ?? [];
  }

  /** Loads the members unless they are here as they are now. */
  need(conversationId: string): void {
    const record = this.replica.timelines.get(conversationId)?.record;
    if (!record?.group || record.group.left || this.running.has(conversationId)) return;
    const known = this.lists.get(conversationId)?.rev ?? -1;
    if (known >= record.head.membersRev) return;
    this.running.add(conversationId);
    void this.load(conversationId)
      .catch(() => undefined)
      .finally(() => this.running.delete(conversationId));
  }

  /** Makes a group. Answers its id. */
  async create(name: string, memberIds: string[]): Promise<string> {
    const payload = JSON.stringify([name, memberIds]);
    if (this.making?.payload !== payload) this.making = { payload, key: uuid7() };
    const { conversation } = await this.clients.conversations.createGroup({ idempotencyKey: this.making.key, name, memberIds });
    this.making = undefined;
    this.take(conversation);
    return conversation?.conversationId ?? '';
  }

  async add(conversationId: string, userIds: string[]): Promise<void> {
    this.take((await this.clients.conversations.addMembers({ conversationId, userIds })).conversation);
  }

  async remove(conversationId: string, userId: string): Promise<void> {
    this.take((await this.clients.conversations.removeMember({ conversationId, userId })).conversation);
  }

  async setRole(conversationId: string, userId: string, role: MemberRole): Promise<void> {
    this.take((await this.clients.conversations.setMemberRole({ conversationId, userId, role })).conversation);
  }

  async rename(conversationId: string, name: string): Promise<void> {
    this.take((await this.clients.conversations.updateGroup({ conversationId, name })).conversation);
  }

  async setAvatar(conversationId: string, fileId: string): Promise<void> {
    this.take((await this.clients.conversations.setGroupAvatar({ conversationId, fileId })).conversation);
  }

  async leave(conversationId: string): Promise<void> {
    this.take((await this.clients.conversations.leaveGroup({ conversationId })).conversation);
  }

  async dissolve(conversationId: string): Promise<void> {
    this.take((await this.clients.conversations.dissolveGroup({ conversationId })).conversation);
  }

  private take(wire: WireConversation | undefined): void {
    if (!wire) return;
    this.replica.take(wire);
    void this.replica.pull(wire.conversationId);
    this.need(wire.conversationId);
  }

  private async load(conversationId: string): Promise<void> {
    const members: Member[] = [];
    let pageToken = '';
    const marks: Record<string, number> = {};
    let rev = Infinity;
    do {
      const page = await this.clients.conversations.listMembers({ conversationId, pageSize: PAGE, pageToken });
      members.push(...page.members.map(({ userId, role }) => ({ userId, role })));
      for (const { userId, readSeq } of page.members) marks[userId] = Number(readSeq);
      // Pages of different versions do not fit together: the list counts as that of the oldest.
      rev = Math.min(rev, Number(page.membersRev));
      pageToken = page.nextPageToken;
    } while (pageToken !== '' && members.length < MEMBERS_MOST);
    members.sort((a, b) => b.role - a.role || (a.userId < b.userId ? -1 : 1));
    this.lists.set(conversationId, { rev, members });
    const { group, markers = {} } = this.replica.timelines.get(conversationId)?.record ?? {};
    for (const [userId, seq] of Object.entries(marks)) markers[userId] = Math.max(seq, markers[userId] ?? 0);
    if (group) group.faces = members.filter((one) => one.userId !== this.me).map((one) => one.userId).slice(0, FACES);
    this.replica.touch(conversationId);
    this.changed(conversationId);
  }
}
