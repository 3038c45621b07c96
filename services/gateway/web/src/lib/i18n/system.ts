// SPDX-License-Identifier: Apache-2.0
import { MemberRole, SystemKind } from '../../gen/parley/message/v1/system_pb';
import type { System } from '../protocol/model';
import { i18n, t, type Key } from './i18n.svelte';

const SHOWN = 5;

/** Names of roles. */
export const ROLES: Record<MemberRole, Key> = {
  [MemberRole.UNSPECIFIED]: 'group.member',
  [MemberRole.MEMBER]: 'group.member',
  [MemberRole.ADMIN]: 'group.admin',
  [MemberRole.OWNER]: 'group.owner',
};

const NEW_ROLES: Partial<Record<MemberRole, Key>> = { [MemberRole.OWNER]: 'system.owner', [MemberRole.ADMIN]: 'system.admin' };

/** A list in the language of the reader: "A, B and C", or "A, B, C" where it is a name by itself. */
export function list(items: string[], style: 'long' | 'narrow' = 'long'): string {
  return new Intl.ListFormat(i18n.locale, { type: 'conjunction', style }).format(items);
}

/** What happened to a group, in words. */
export function systemText(what: System, me: string, name: (userId: string) => string): string {
  const called = (id: string) => (id === me ? t('system.you') : name(id) || t('chat.deleted'));
  const actor = what.actorId === me ? t('system.youActor') : called(what.actorId);
  const users = named(what.userIds.filter((id) => id !== what.actorId).map(called));
  switch (what.kind) {
    case SystemKind.CREATED:
      return what.name ? t('system.createdNamed', { actor, name: what.name, users }) : t('system.created', { actor, users });
    case SystemKind.JOINED:
      return t('system.joined', { actor, users });
    case SystemKind.LEFT:
      return t('system.left', { actor });
    case SystemKind.REMOVED:
      return t('system.removed', { actor, users });
    case SystemKind.RENAMED:
      return what.name ? t('system.renamed', { actor, name: what.name }) : t('system.unnamed', { actor });
    case SystemKind.ROLE_CHANGED:
      return t(NEW_ROLES[what.role] ?? 'system.member', { actor, users });
    case SystemKind.AVATAR_CHANGED:
      return t('system.avatar', { actor });
    case SystemKind.DISSOLVED:
      return t('system.dissolved', { actor });
    default:
      return t('chat.unknownKind');
  }
}

function named(people: string[]): string {
  if (people.length <= SHOWN) return list(people);
  return list([...people.slice(0, SHOWN), t('system.more', { count: people.length - SHOWN })]);
}
