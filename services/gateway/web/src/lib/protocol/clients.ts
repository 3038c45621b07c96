// SPDX-License-Identifier: Apache-2.0
import { createClient, type Client, type Interceptor, type Transport } from '@connectrpc/connect';
import { FriendService } from '../../gen/parley/friend/v1/friend_pb';
import { FileService } from '../../gen/parley/file/v1/file_pb';
import { SessionService } from '../../gen/parley/gateway/v1/session_pb';
import { ConversationService } from '../../gen/parley/message/v1/conversation_pb';
import { MessageService } from '../../gen/parley/message/v1/message_pb';
import { AuthService } from '../../gen/parley/user/v1/auth_pb';
import { UserService } from '../../gen/parley/user/v1/user_pb';

/** The generated clients of all that a user may call. */
export interface Clients {
  auth: Client<typeof AuthService>;
  users: Client<typeof UserService>;
  friends: Client<typeof FriendService>;
  conversations: Client<typeof ConversationService>;
  messages: Client<typeof MessageService>;
  sessions: Client<typeof SessionService>;
  files: Client<typeof FileService>;
}

/** Makes the clients on one transport. */
export function createClients(transport: Transport): Clients {
  return {
    auth: createClient(AuthService, transport),
    users: createClient(UserService, transport),
    friends: createClient(FriendService, transport),
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
    sessions: createClient(SessionService, transport),
    files: createClient(FileService, transport),
  };
}

/** Puts the token into each call; without one the call goes out bare. */
export function bearer(token: () => string | undefined): Interceptor {
  return (next) => (request) => {
    const value = token();
    if (value) request.header.set('Authorization', `Bearer ${value}`);
    return next(request);
  };
}
