// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemberRole, SystemKind } from '../../src/gen/parley/message/v1/system_pb';
import { i18n } from '../../src/lib/i18n/i18n.svelte';
import { systemText } from '../../src/lib/i18n/system';
import type { Group, System } from '../../src/lib/protocol/model';
import { mayDo } from '../../src/lib/state/roles';
import { summaries } from '../../src/lib/state/summary';
import { live, settle, texts, unread, world, type Copy, type World } from './fixture';

let w: World;
let cleo: string;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
  cleo = w.server.state.addUser('cleo', 'Cleo').userId;
});
afterEach(async () => {
  vi.useRealTimers();
  await i18n.choose(undefined);
});

const timeline = (copy: Copy, id: string) => copy.chat.replica.timelines.get(id)!;
const titles = (copy: Copy, me: string) => summaries(copy.chat, me, new Map(), (id) => copy.chat.people.nameOf(id)).map((one) => one.name);

describe('groups', () => {
  it('appear as they are made, and what the server says is not unread', async () => {
    const copy = await live(w, w.bob);
    const { id } = w.server.state.makeGroup(w.alice, [w.bob, cleo], 'Team');
    await settle();
    expect(timeline(copy, id).record.group).toMatchObject({ name: 'Team', memberCount: 3, role: MemberRole.MEMBER, left: false });
    expect(titles(copy, w.bob)).toContain('Team');
    expect(unread(copy, id)).toBe(0);
    w.server.state.send(w.alice, id, 'hello');
    await settle();
    expect(texts(copy, id).at(-1)).toBe('hello');
    expect(unread(copy, id)).toBe(1);
  });

  it('cost no call for each message', async () => {
    const copy = await live(w, w.bob);
    const { id } = w.server.state.makeGroup(w.alice, [w.bob, cleo], 'Team');
    await settle();
    const before = w.server.calls.get('GetConversation');
    for (let i = 0; i < 5; i++) w.server.state.send(w.alice, id, `m${i}`);
    await settle();
    expect(w.server.calls.get('GetConversation')).toBe(before);
    expect(texts(copy, id)).toHaveLength(6);
  });

  it('without a name are called after the people in them', async () => {
    const copy = await live(w, w.bob);
    const { id } = w.server.state.makeGroup(w.alice, [w.bob, cleo], '');
    await settle();
    copy.chat.groups.need(id);
    await settle();
    await copy.chat.people.need([w.alice, cleo]);
    expect(titles(copy, w.bob)).toContain('Alice, Cleo');
    await i18n.choose('zh-Hans');
    expect(titles(copy, w.bob)).toContain('Alice、Cleo');
    expect(copy.chat.groups.members(id)[0]).toEqual({ userId: w.alice, role: MemberRole.OWNER });
  });

  it('tell a changed role, and load the members again only when they changed', async () => {
    const copy = await live(w, w.bob);
    const group = w.server.state.makeGroup(w.alice, [w.bob, cleo], 'Team');
    await settle();
    copy.chat.groups.need(group.id);
    copy.chat.groups.need(group.id);
    await settle();
    expect(w.server.calls.get('ListMembers')).toBe(1);
    w.server.state.setRole(group, w.alice, w.bob, MemberRole.ADMIN);
    await settle();
    expect(timeline(copy, group.id).record.group?.role).toBe(MemberRole.ADMIN);
    copy.chat.groups.need(group.id);
    await settle();
    expect(w.server.calls.get('ListMembers')).toBe(2);
    expect(copy.chat.groups.members(group.id).find((one) => one.userId === w.bob)?.role).toBe(MemberRole.ADMIN);
  });

  it('are made once, however often the answer is lost', async () => {
    const copy = await live(w, w.alice);
    w.server.muteCreate = true;
    await expect(copy.chat.groups.create('Team', [w.bob, cleo])).rejects.toThrow();
    w.server.muteCreate = false;
    const id = await copy.chat.groups.create('Team', [w.bob, cleo]);
    expect(w.server.state.of(w.alice).filter((one) => one.group)).toHaveLength(1);
    expect(timeline(copy, id).record.group?.role).toBe(MemberRole.OWNER);
  });
});

describe('roles', () => {
  const group = (role: MemberRole, left = false): Group => ({ name: '', memberCount: 3, role, left, faces: [] });
  it.each([
    ['a member leaves', group(MemberRole.MEMBER), false, ['leave']],
    ['an admin manages and leaves', group(MemberRole.ADMIN), false, ['manage', 'leave']],
    ['an owner does all but leave', group(MemberRole.OWNER), false, ['manage', 'giveRoles', 'dissolve']],
    ['nobody changes a dissolved group', group(MemberRole.OWNER), true, []],
    ['who has left does nothing', group(MemberRole.ADMIN, true), true, []],
    ['a direct conversation is no group', undefined, false, []],
  ])('%s', (_, one, readOnly, allowed) => expect(Object.entries(mayDo(one, readOnly)).flatMap(([what, may]) => (may ? [what] : []))).toEqual(allowed));
});

describe('what the server says', () => {
  const names: Record<string, string> = { a: 'Alice', b: '小波', c: 'Cleo' };
  const say = (what: Partial<System>, me = 'c') =>
    systemText({ kind: SystemKind.UNSPECIFIED, actorId: 'a', userIds: [], name: '', role: MemberRole.UNSPECIFIED, ...what }, me, (id) => names[id] ?? '');

  it('is in the language of the reader, who is "you"', async () => {
    await i18n.choose('en');
    expect(say({ kind: SystemKind.CREATED, userIds: ['b', 'c'], name: 'Team' })).toBe('Alice made the group “Team” with 小波 and you');
    expect(say({ kind: SystemKind.REMOVED, userIds: ['b'] }, 'a')).toBe('You removed 小波');
    expect(say({ kind: SystemKind.ROLE_CHANGED, userIds: ['c'], role: MemberRole.ADMIN })).toBe('Alice made you an admin');
    expect(say({ kind: SystemKind.JOINED, userIds: ['x'] })).toBe('Alice added Deleted user');
    await i18n.choose('zh-Hans');
    expect(say({ kind: SystemKind.JOINED, userIds: ['b', 'c'] })).toBe('Alice添加了小波和你');
    expect(say({ kind: SystemKind.LEFT }, 'a')).toBe('你退出了群聊');
    expect(say({ kind: SystemKind.RENAMED, name: '夜班' })).toBe('Alice把群名改为“夜班”');
  });

  it('names a few of many people', async () => {
    await i18n.choose('en');
    const userIds = Array.from({ length: 30 }, () => 'b');
    expect(say({ kind: SystemKind.JOINED, userIds })).toBe('Alice added 小波, 小波, 小波, 小波, 小波, and 25 others');
    await i18n.choose('zh-Hans');
    expect(say({ kind: SystemKind.JOINED, userIds })).toBe('Alice添加了小波、小波、小波、小波、小波和另外 25 人');
  });
});
