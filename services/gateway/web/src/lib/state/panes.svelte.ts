// SPDX-License-Identifier: Apache-2.0

/** What is open beside the conversation in this tab. */
class Panes {
  /** The bar that looks through the open conversation. */
  find = $state(false);
  /** The box that jumps to a conversation or a person. */
  jump = $state(false);
}

export const panes = new Panes();
