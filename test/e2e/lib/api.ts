// SPDX-License-Identifier: Apache-2.0
// What tests need besides the people that they look at, made by calls: faster than by hand.
import { randomUUID } from 'node:crypto';
import { expect } from '@playwright/test';

type Answer = Record<string, unknown>;

/** Somebody without a browser. */
export class Account {
  private constructor(
    private readonly base: string,
    readonly userId: string,
    readonly nickname: string,
    private readonly token: string,
  ) {}

  static async register(base: string, username: string, nickname: string, password: string): Promise<Account> {
    const answer = await post(base, 'user.v1.AuthService/Register', { username, nickname, password, device: { deviceId: randomUUID(), name: 'test' } });
    const { user } = answer.user as { user: { userId: string } };
    return new Account(base, user.userId, nickname, String(answer.token));
  }

  call(method: string, body: Answer = {}): Promise<Answer> {
    return post(this.base, method, body, this.token);
  }

  /** Becomes a friend of somebody. Answers their conversation. */
  async befriend(other: Account): Promise<string> {
    const { request } = (await this.call('friend.v1.FriendService/SendRequest', { userId: other.userId, idempotencyKey: randomUUID() })) as { request: { requestId: string } };
    const { conversationId } = await other.call('friend.v1.FriendService/RespondToRequest', { requestId: request.requestId, accept: true });
    return String(conversationId);
  }

  /** Makes a group with friends. Answers its conversation. */
  async group(name: string, members: Account[]): Promise<string> {
    const answer = await this.call('message.v1.ConversationService/CreateGroup', { idempotencyKey: randomUUID(), name, memberIds: members.map((one) => one.userId) });
    return (answer.conversation as { conversationId: string }).conversationId;
  }

  async say(conversationId: string, body: string): Promise<void> {
    await this.call('message.v1.MessageService/Send', { conversationId, clientMessageId: uuid7(), content: { text: { body } } });
  }
}

async function post(base: string, method: string, body: Answer, token?: string): Promise<Answer> {
  const answer = await fetch(`${base}/parley.${method}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  expect(answer.ok, `${method}: ${text}`).toBe(true);
  return JSON.parse(text) as Answer;
}

function uuid7(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
