// SPDX-License-Identifier: Apache-2.0
import type { Presigned } from '../../gen/parley/file/v1/file_pb';

/** Where bytes come from, and what they must be if that is known. */
export interface Source {
  url: string;
  /** True if the address is one of the object store itself. */
  presigned?: boolean;
  sha256?: Uint8Array;
}

/** The object store could not be reached, has refused, or gave something else: the same goes through Parley. */
export class PastFailed extends Error {}

/**
 * Past is the way to the object store itself, past Parley. Not every network lets a browser through, and not every
 * store knows of this page: what fails here is done through Parley at once.
 */
export class Past {
  /** True once something failed here that worked through Parley: this page does not try again. */
  closed = false;

  /** Fetches what a presigned link names. */
  async get(source: Source, signal?: AbortSignal): Promise<Blob> {
    return this.go(async () => (await import('./store')).fetchFrom(source, signal), signal);
  }

  /** Sends a whole file. */
  async put(request: Pick<Presigned, 'method' | 'url' | 'headers'>, blob: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<void> {
    return this.go(async () => (await import('./store')).sendTo(request, blob, progress, signal), signal);
  }

  private async go<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw new PastFailed(String(error));
    }
  }
}
