// SPDX-License-Identifier: Apache-2.0
import { tick } from 'svelte';

/** Moves the focus to the first field that is wrong. */
export async function focusInvalid(form: HTMLElement | undefined): Promise<void> {
  await tick();
  form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
}
