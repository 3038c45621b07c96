// SPDX-License-Identifier: Apache-2.0
// What the user may do with a message, as far as that can be told without asking the server.
import { MemberRole } from '../../gen/parley/message/v1/system_pb';
import type { MessageRow } from './rows';

const RECALL_MS = 2 * 60_000;
const EDIT_MS = 24 * 3_600_000;

/** late: it was allowed and is not any more. never: it is nothing that this user does to this message. */
export type Allowed = 'yes' | 'late' | 'never';

/** Whether the user, with a role in the group, may take the message back at a time of the server. */
export function mayRecall(row: MessageRow, now: number, role = MemberRole.UNSPECIFIED): Allowed {
  if (role >= MemberRole.ADMIN && row.seq > 0) return 'yes';
  return ownStored(row) ? within(row, RECALL_MS, now) : 'never';
}

/** Whether the user may edit the message at a time of the server. */
export function mayEdit(row: MessageRow, now: number): Allowed {
  return ownStored(row) && row.text !== undefined && !row.forwarded ? within(row, EDIT_MS, now) : 'never';
}

function ownStored(row: MessageRow): boolean {
  return row.own && row.seq > 0;
}

function within(row: MessageRow, ms: number, now: number): Allowed {
  return now - row.at < ms ? 'yes' : 'late';
}
