// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import type { File as WireFile } from '../../gen/parley/file/v1/file_pb';
import type { Bytes } from './bytes';

const WAIT_MS = 20;
const BATCH = 100;
const KEPT = 200;
const AGAIN_MS = 30_000;

/** A picture that could not be had. */
export const MISSING = '';

/**
 * Pictures fetches pictures as they are wanted, each in the smallest size that will do, and keeps the last ones:
 * links to the server are good for one person and a minute, so the bytes are held here.
 */
export class Pictures {
  private readonly shown = new SvelteMap<string, string>();
  private readonly wanted = new Map<string, { fileId: string; side: number }>();
  private readonly running = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly bytes: Pick<Bytes, 'get'>,
    private readonly list: (fileIds: string[]) => Promise<{ files: WireFile[] }>,
  ) {}

  /** The address of a picture that looks sharp at so many points; undefined until it is here, MISSING if it cannot be. */
  of(fileId: string | undefined, points: number): string | undefined {
    if (!fileId) return MISSING;
    const side = points * (globalThis.devicePixelRatio ?? 1);
    const key = `${fileId} ${side}`;
    const url = this.shown.get(key);
    if (url === undefined && !this.running.has(key)) this.want(key, fileId, side);
    return url;
  }

  /** Forgets all, as at sign-out. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.wanted.clear();
    for (const url of this.shown.values()) release(url);
    this.shown.clear();
  }

  private want(key: string, fileId: string, side: number): void {
    this.running.add(key);
    this.wanted.set(key, { fileId, side });
    this.timer ??= setTimeout(() => void this.fetch(), WAIT_MS);
  }

  private async fetch(): Promise<void> {
    this.timer = undefined;
    const now = [...this.wanted].slice(0, BATCH);
    now.forEach(([key]) => this.wanted.delete(key));
    if (this.wanted.size > 0) this.timer = setTimeout(() => void this.fetch(), WAIT_MS);
    const files = await this.list([...new Set(now.map(([, { fileId }]) => fileId))])
      .then((answer) => new Map(answer.files.map((file) => [file.fileId, file])))
      .catch(() => new Map<string, WireFile>());
    await Promise.all(now.map(([key, { fileId, side }]) => this.load(key, files.get(fileId), side)));
  }

  private async load(key: string, file: WireFile | undefined, side: number): Promise<void> {
    try {
      const link = file && linkOf(file, side);
      if (!link) throw new Error('not there');
      this.keep(key, URL.createObjectURL(await this.bytes.get(link)));
    } catch {
      this.keep(key, MISSING);
      // The network or the store may be back by then.
      setTimeout(() => this.shown.get(key) === MISSING && this.shown.delete(key), AGAIN_MS);
    } finally {
      this.running.delete(key);
    }
  }

  private keep(key: string, url: string): void {
    this.shown.set(key, url);
    for (const [oldest, held] of this.shown) {
      if (this.shown.size <= KEPT) return;
      this.shown.delete(oldest);
      release(held);
    }
  }
}

function linkOf(file: WireFile, side: number): string | undefined {
  const small = file.thumbnails.find(({ width, height }) => Math.max(width, height) >= side);
  return (small ?? file).link?.url;
}

function release(url: string): void {
  if (url !== MISSING) URL.revokeObjectURL(url);
}
