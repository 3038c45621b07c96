// SPDX-License-Identifier: Apache-2.0

/** Makes a random UUID (version 4). */
export function uuid4(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return format(bytes, 4);
}

/** Makes a UUID that sorts by its time (version 7). */
export function uuid7(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 5, rest = now; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return format(bytes, 7);
}

function format(bytes: Uint8Array, version: number): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
