// SPDX-License-Identifier: Apache-2.0
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { UserSchema } from '../../src/gen/parley/user/v1/user_pb';
import { toPerson } from '../../src/lib/protocol/convert';
import { createClients } from '../../src/lib/protocol/clients';
import { People } from '../../src/lib/protocol/people';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { live, settle, texts, world, type Copy, type World } from './fixture';

const RELOADED_MS = 250;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const clients = (w: World, copy: Copy) => createClients(w.server.transport(() => copy.token));
const reloaded = () => vi.advanceTimersByTimeAsync(RELOADED_MS);

describe('a remark', () => {
  it('stands before the nickname on every device of its owner, and on no other', async () => {
    const w = world();
    const [phone, laptop, peer] = [await live(w, w.alice), await live(w, w.alice), await live(w, w.bob)];
    await reloaded();
    expect(laptop.chat.people.nameOf(w.bob)).toBe('Bob');
    await clients(w, phone).friends.setRemark({ userId: w.bob, remark: '老板' });
    await reloaded();
    for (const device of [phone, laptop]) {
      expect(device.chat.people.nameOf(w.bob)).toBe('老板');
      expect(device.chat.people.friends).toMatchObject([{ person: { nickname: 'Bob' }, remark: '老板' }]);
    }
    expect(peer.chat.people.nameOf(w.alice)).toBe('Alice');
    await clients(w, phone).friends.setRemark({ userId: w.bob, remark: '' });
    await reloaded();
    expect(laptop.chat.people.nameOf(w.bob)).toBe('Bob');
    for (const device of [phone, laptop, peer]) await device.chat.stop();
  });

  it('is there before the server answers, and people without one are named as ever', async () => {
    const w = world();
    const storage = new MemoryStorage();
    const person = { userId: w.bob, username: 'bob', nickname: 'Bob', description: '' };
    const older = { person: { ...person, userId: w.alice, nickname: 'Alice' }, since: 1, conversationId: '' };
    await storage.putValue('friends', [{ person, since: 1, conversationId: '', remark: 'boss' }, older]);
    await storage.putPeople([person, older.person]);
    const people = new People(createClients(w.server.transport(() => undefined)), storage, () => undefined);
    await people.load();
    expect([w.bob, w.alice, 'nobody'].map((id) => people.nameOf(id))).toEqual(['boss', 'Alice', '']);
  });
});

describe('a deleted account', () => {
  it('has no name any more, wherever it was known', async () => {
    const w = world();
    const device = await live(w, w.alice);
    await reloaded();
    expect(device.chat.people.nameOf(w.bob)).toBe('Bob');
    device.chat.people.put([toPerson(create(UserSchema, { userId: w.bob, nickname: 'Deleted user', deleted: true }))]);
    expect(device.chat.people.nameOf(w.bob)).toBe('');
    expect(device.chat.people.friends[0]?.person.deleted).toBe(true);
    await device.chat.stop();
  });
});

describe('a block', () => {
  it('closes the conversation, shows in the list of its owner, and is a removal to the other side', async () => {
    const w = world();
    const [phone, laptop, peer] = [await live(w, w.alice), await live(w, w.alice), await live(w, w.bob)];
    w.server.state.send(w.bob, w.conversation.id, 'before');
    await settle();
    await clients(w, phone).friends.blockUser({ userId: w.bob });
    await reloaded();
    for (const device of [phone, laptop]) {
      expect(device.chat.people.friends).toEqual([]);
      expect(device.chat.people.blocked).toMatchObject([{ person: { username: 'bob' } }]);
    }
    expect(peer.chat.people.friends).toEqual([]);
    expect(peer.chat.people.blocked).toEqual([]);
    for (const device of [laptop, peer]) {
      expect(device.chat.replica.timelines.get(w.conversation.id)?.record.readOnly).toBe(true);
      expect(texts(device, w.conversation.id)).toEqual(['before']);
    }
    await clients(w, laptop).friends.unblockUser({ userId: w.bob });
    await reloaded();
    expect(phone.chat.people.blocked).toEqual([]);
    expect(phone.chat.replica.timelines.get(w.conversation.id)?.record.readOnly).toBe(true);
    for (const device of [phone, laptop, peer]) await device.chat.stop();
  });

  it('is no reason to lose the friends on a server that knows no blocks', async () => {
    const w = world();
    const token = w.server.state.login(w.alice).token;
    const all = createClients(w.server.transport(() => token));
    const friends = { ...all.friends, listBlocked: () => Promise.reject(new ConnectError('no such method', Code.Unimplemented)) };
    const people = new People({ ...all, friends }, new MemoryStorage(), () => undefined);
    await people.reload();
    expect(people.friends).toMatchObject([{ person: { username: 'bob' } }]);
    expect(people.blocked).toEqual([]);
  });
});
