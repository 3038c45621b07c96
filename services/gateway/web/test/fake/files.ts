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
  /** Refuses uploads, with a reason. */
  refuse: string | undefined;

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
        if (this.refuse) throw refusal(Code.InvalidArgument, this.refuse);
        let upload = this.uploads.get(request.idempotencyKey);
        if (!upload) this.uploads.set(request.idempotencyKey, (upload = { fileId: uuid7(), request, bytes: new Uint8Array(), complete: false }));
        return { fileId: upload.fileId, url: `/v1/files/${upload.fileId}`, offset: BigInt(upload.bytes.length), complete: upload.complete };
      },
      completeUpload: ({ fileId }) => {
        const upload = [...this.uploads.values()].find((one) => one.fileId === fileId)!;
        if (BigInt(upload.bytes.length) !== upload.request.size) throw refusal(Code.FailedPrecondition, 'UPLOAD_INCOMPLETE');
        upload.complete = true;
        return { file: this.file(fileId) };
      },
      batchGetFiles: ({ fileIds }) => ({ files: fileIds.flatMap((id) => this.file(id) ?? []) }),
    });
  }
}
