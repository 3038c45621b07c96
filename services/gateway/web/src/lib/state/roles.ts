// SPDX-License-Identifier: Apache-2.0
import { MemberRole } from '../../gen/parley/message/v1/system_pb';
import type { Group } from '../protocol/model';

/** What the user may do to a group. */
export interface May {
  /** Add, remove, rename. */
  manage: boolean;
  giveRoles: boolean;
  dissolve: boolean;
  leave: boolean;
}

/** What the role of the user allows. Nothing changes in a group that is dissolved or left, but it can be left. */
export function mayDo(group: Group | undefined, readOnly: boolean): May {
  if (!group || group.left) return { manage: false, giveRoles: false, dissolve: false, leave: false };
  const owner = group.role === MemberRole.OWNER && !readOnly;
  return {
    manage: group.role >= MemberRole.ADMIN && !readOnly,
    giveRoles: owner,
    dissolve: owner,
    leave: group.role !== MemberRole.OWNER && !readOnly,
  };
}
