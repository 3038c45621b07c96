// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const MANUAL = join(import.meta.dirname, '../../../docs/objectstore.md');

interface Rule {
  AllowedOrigins: string[];
  AllowedMethods: string[];
  AllowedHeaders: string[];
  ExposeHeaders: string[];
  MaxAgeSeconds: number;
}

/** Where a bucket is, and who may change it. */
export interface Bucket {
  origin: string;
  name: string;
  keys: { id: string; secret: string };
}

/** Gives a bucket the rule that the manual tells people to set, for pages of one origin. */
export async function allowPages(bucket: Bucket, pages: string): Promise<void> {
  const [, json] = /```json\n(.*?)```/s.exec(await readFile(MANUAL, 'utf8'))!;
  const [rule] = (JSON.parse(json!) as { CORSRules: Rule[] }).CORSRules;
  const body = asXML({ ...rule!, AllowedOrigins: [pages] });
  const answer = await fetch(`${bucket.origin}/${bucket.name}?cors`, { method: 'PUT', body, headers: signed(bucket, body) });
  if (!answer.ok) throw new Error(`the bucket does not take the rule: ${answer.status} ${await answer.text()}`);
}

function asXML(rule: Rule): string {
  const all = (name: string, values: (string | number)[]) => values.map((value) => `<${name}>${value}</${name}>`).join('');
  const parts = [
    all('AllowedOrigin', rule.AllowedOrigins),
    all('AllowedMethod', rule.AllowedMethods),
    all('AllowedHeader', rule.AllowedHeaders),
    all('ExposeHeader', rule.ExposeHeaders),
    all('MaxAgeSeconds', [rule.MaxAgeSeconds]),
  ];
  return `<CORSConfiguration><CORSRule>${parts.join('')}</CORSRule></CORSConfiguration>`;
}

/** The headers of a request by version 4 of the signatures of AWS. */
function signed({ origin, name, keys }: Bucket, body: string): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const headers = { host: new URL(origin).host, 'x-amz-content-sha256': digest(body), 'x-amz-date': time };
  const names = Object.keys(headers).join(';');
  const listed = Object.entries(headers).map(([key, value]) => `${key}:${value}\n`);
  const request = ['PUT', `/${name}`, 'cors=', listed.join(''), names, digest(body)].join('\n');
  const scope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const key = scope.reduce((secret: string | Buffer, part) => createHmac('sha256', secret).update(part).digest(), `AWS4${keys.secret}`);
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), digest(request)].join('\n');
  const signature = createHmac('sha256', key).update(text).digest('hex');
  return {
    ...headers,
    'content-md5': createHash('md5').update(body).digest('base64'),
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope.join('/')},SignedHeaders=${names},Signature=${signature}`,
  };
}
