// SPDX-License-Identifier: Apache-2.0

/** The address of bytes that are at hand, for as long as the component is there. */
export function objectUrl(blob: () => Blob | undefined): { readonly url: string | undefined } {
  let url = $state<string>();
  $effect.pre(() => {
    const now = blob();
    if (!now) return;
    const made = URL.createObjectURL(now);
    url = made;
    return () => {
      url = undefined;
      URL.revokeObjectURL(made);
    };
  });
  return {
    get url() {
      return url;
    },
  };
}
