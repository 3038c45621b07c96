// SPDX-License-Identifier: Apache-2.0
// From what a person picks, pastes or drops to what is sent.
import type { OutboxFile } from '../protocol/model';

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const IMAGE_MOST = 10 << 20;
const PIXELS_MOST = 25_000_000;
const FILE_MOST = 100 << 20;

/** Why a file cannot be sent. */
export type Unfit = 'empty' | 'tooLarge';

/** Takes chosen files. Pictures that can be shown become images, all else files; what does not fit is told by name. */
export async function choose(files: readonly File[]): Promise<{ fit: OutboxFile[]; unfit: { name: string; why: Unfit }[] }> {
  const fit: OutboxFile[] = [];
  const unfit: { name: string; why: Unfit }[] = [];
  for (const file of files) {
    if (file.size === 0) unfit.push({ name: file.name, why: 'empty' });
    else if (file.size > FILE_MOST) unfit.push({ name: file.name, why: 'tooLarge' });
    else fit.push((await picture(file)) ?? { kind: 'file', name: nameOf(file), size: file.size, type: file.type, blob: file });
  }
  return { fit, unfit };
}

async function picture(file: File): Promise<OutboxFile | undefined> {
  if (!IMAGES.includes(file.type) || file.size > IMAGE_MOST) return undefined;
  try {
    const { width, height } = await sizeOf(file);
    if (width * height > PIXELS_MOST) return undefined;
    return { kind: 'image', name: nameOf(file), size: file.size, type: file.type, blob: file, width, height };
  } catch {
    // It says that it is a picture and is none: it goes as a file.
    return undefined;
  }
}

async function sizeOf(file: Blob): Promise<{ width: number; height: number }> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height };
}

// What comes from the clipboard may have no name.
function nameOf(file: File): string {
  return file.name || `file.${file.type.split('/')[1] ?? 'bin'}`;
}
