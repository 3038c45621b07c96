// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import type { File as WireFile } from '../../gen/parley/file/v1/file_pb';
import type { Bytes } from './bytes';
import { PastFailed, type Source } from './past';

const WAIT_MS = 20;
const BATCH = 100;
const KEPT = 200;
const AGAIN_MS = 30_000;

interface Wanted {
  fileId: string;
  side: number;
  /** True if the object store did not give it: now through Parley. */
  again?: boolean;
}

/** A picture that could not be had. */
export const MISSING = '';

/**
 * Pictures fetches pictures as they are wanted, each in the smallest size that will do, and keeps the last ones:
 * links to the server are good for one person and a minute, so the bytes are held here.
 */
export class Pictures {
  private readonly shown = new SvelteMap<string, string>();
  private readonly wanted = new Map<string, Wanted>();
  private readonly running = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly bytes: Pick<Bytes, 'get' | 'past'>,
    private readonly list: (fileIds: string[], throughParley: boolean) => Promise<{ files: WireFile[] }>,
  ) {}

  /** The address of a picture that looks sharp at so many points; undefined until it is here, MISSING if it cannot be. */
  of(fileId: string | undefined, points: number): string | undefined {
    if (!fileId) return MISSING;
    const side = points * (globalThis.devicePixelRatio ?? 1);
    const key = `${fileId} ${side}`;
    const url = this.shown.get(key);
    if (url === undefined && !this.running.has(key)) this.want(key, { fileId, side });
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

  private want(key: string, wanted: Wanted): void {
    this.running.add(key);
    this.wanted.set(key, wanted);
    this.timer ??= setTimeout(() => void this.fetch(), WAIT_MS);
  }

  private async fetch(): Promise<void> {
    this.timer = undefined;
    const now = [...this.wanted].slice(0, BATCH);
    now.forEach(([key]) => this.wanted.delete(key));
    if (this.wanted.size > 0) this.timer = setTimeout(() => void this.fetch(), WAIT_MS);
    const throughParley = this.bytes.past.closed || now.some(([, { again }]) => again);
    const files = await this.list([...new Set(now.map(([, { fileId }]) => fileId))], throughParley)
      .then((answer) => new Map(answer.files.map((file) => [file.fileId, file])))
      .catch(() => new Map<string, WireFile>());
    await Promise.all(now.map(([key, wanted]) => this.load(key, wanted, files.get(wanted.fileId))));
  }

  private async load(key: string, wanted: Wanted, file: WireFile | undefined): Promise<void> {
    try {
      const source = file && sourceOf(file, wanted.side);
      if (!source) throw new Error('not there');
      this.keep(key, URL.createObjectURL(await this.bytes.get(source)));
      if (wanted.again) this.bytes.past.closed = true;
    } catch (error) {
      if (error instanceof PastFailed && !wanted.again) return this.want(key, { ...wanted, again: true });
      this.keep(key, MISSING);
      // The network or the store may be back by then.
      setTimeout(() => this.shown.get(key) === MISSING && this.shown.delete(key), AGAIN_MS);
    }
    this.running.delete(key);
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

function sourceOf(file: WireFile, side: number): Source | undefined {
  const small = file.thumbnails.find(({ width, height }) => Math.max(width, height) >= side);
  return small ? small.link : linkOf(file);
}

/** Where the file itself comes from. */
export function linkOf({ link, sha256 }: WireFile): Source | undefined {
  return link && { url: link.url, presigned: link.presigned, sha256 };
}

function release(url: string): void {
  if (url !== MISSING) URL.revokeObjectURL(url);
}
