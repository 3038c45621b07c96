// SPDX-License-Identifier: Apache-2.0

/** What is open beside the conversation in this tab. */
class Panes {
  /** The bar that looks through the open conversation. */
  find = $state(false);
  /** The box that jumps to a conversation or a person. */
  jump = $state(false);
  /** Where the results lie that led to a message of this conversation. */
  results = $state.raw<{ conversationId: string; href: string } | undefined>();
}

export const panes = new Panes();
