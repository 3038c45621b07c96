// SPDX-License-Identifier: Apache-2.0
import { fold } from './names';

/** The seqs of the messages whose text has the query in it, the newest first. */
export function find(messages: Iterable<{ seq: number; text?: string | undefined }>, query: string, plain: (text: string) => string): number[] {
  const wanted = fold(query.trim());
  if (wanted === '') return [];
  const hits: number[] = [];
  for (const { seq, text } of messages) if (text !== undefined && fold(plain(text)).includes(wanted)) hits.push(seq);
  return hits.sort((a, b) => b - a);
}
