// SPDX-License-Identifier: Apache-2.0
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { FileService, type CreateUploadRequest } from '../../src/gen/parley/file/v1/file_pb';
import { uuid7 } from '../../src/lib/protocol/uuid';
import { refusal } from './refusal';

/** An upload as the server has it. */
export interface FakeUpload {
  fileId: string;
  request: CreateUploadRequest;
  bytes: Uint8Array;
  complete: boolean;
}

/** FakeFiles takes files in, as the file service does. */
export class FakeFiles {
  readonly uploads = new Map<string, FakeUpload>();
  /** Parts that came, with their offsets. */
  readonly parts: { offset: number; size: number }[] = [];
  /** Called before each part; what it throws is what the network does. */
  beforePart: (offset: number) => void = () => undefined;
  /** True where an object store takes whole files past the server. */
  presigns = false;
  /** Whole files that the object store was sent. */
  readonly stored: string[] = [];
  /** Called before the object store takes a file; what it throws is what the network does. */
  beforeStore: () => void = () => undefined;
  /** True where what the object store takes is not what the server sees. */
  elsewhere = false;
  /** The way to the object store. */
  readonly past = {
    closed: false,
    put: async ({ url }: { url: string }, blob: Blob, progress: (share: number) => void) => {
      this.stored.push(url);
      progress(0.5);
      this.beforeStore();
      const upload = [...this.uploads.values()].find((one) => url.endsWith(one.fileId))!;
      if (!this.elsewhere) upload.bytes = new Uint8Array(await blob.arrayBuffer());
    },
  };
  /** Called before an upload is completed; what it throws is what the caller hears. */
  beforeComplete: () => void = () => undefined;
  /** Refuses uploads, with a reason. */
  refuse: string | undefined;
  /** True while the service of files is away. */
  away = false;

  /** The file of a finished upload. */
  file(fileId: string) {
    const upload = [...this.uploads.values()].find((one) => one.fileId === fileId && one.complete);
    if (!upload) return undefined;
    const { name, size, contentType, purpose } = upload.request;
    return { fileId, name, size, contentType, purpose, width: 4, height: 3 };
  }

  /** Takes a part. What does not begin where the server is changes nothing. */
  async put(url: string, part: Blob, offset: number): Promise<number> {
    this.beforePart(offset);
    const upload = [...this.uploads.values()].find((one) => url.endsWith(one.fileId));
    if (!upload) throw new ConnectError('gone', Code.NotFound);
    this.parts.push({ offset, size: part.size });
    if (offset === upload.bytes.length) upload.bytes = new Uint8Array([...upload.bytes, ...new Uint8Array(await part.arrayBuffer())]);
    return upload.bytes.length;
  }

  routes(router: ConnectRouter, caller: (context: HandlerContext) => unknown): void {
    router.service(FileService, {
      createUpload: (request, context) => {
        caller(context);
        if (this.away) throw refusal(Code.Unavailable, 'FILES_UNAVAILABLE');
        if (this.refuse) throw refusal(Code.InvalidArgument, this.refuse);
        let upload = this.uploads.get(request.idempotencyKey);
        if (!upload) this.uploads.set(request.idempotencyKey, (upload = { fileId: uuid7(), request, bytes: new Uint8Array(), complete: false }));
        // What the store has past the server is seen at the end only.
        const offset = BigInt(this.parts.length > 0 ? upload.bytes.length : 0);
        const presigned = this.presigns && offset === 0n && !upload.complete ? { method: 'PUT', url: `https://s3.example/chat/${upload.fileId}`, headers: { 'X-Amz-Checksum-Sha256': 'x' } } : undefined;
        return { fileId: upload.fileId, url: `/v1/files/${upload.fileId}`, offset, complete: upload.complete, presigned };
      },
      completeUpload: ({ fileId }) => {
        this.beforeComplete();
        const upload = [...this.uploads.values()].find((one) => one.fileId === fileId)!;
        if (BigInt(upload.bytes.length) !== upload.request.size) throw refusal(Code.FailedPrecondition, 'UPLOAD_INCOMPLETE');
        upload.complete = true;
        return { file: this.file(fileId) };
      },
      batchGetFiles: ({ fileIds }) => ({ files: fileIds.flatMap((id) => this.file(id) ?? []) }),
    });
  }
}
