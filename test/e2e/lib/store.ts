// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowPages } from './cors';
import { end, freePorts } from './servers';

const BUCKET = 'chat';
const KEYS = { id: 'parley-test', secret: 'parley-test-secret' };
const HEALTH = '/-health';
const START_MS = 20_000;

/** An object store that browsers reach. */
export interface ObjectStore {
  origin: string;
  /** What Parley needs to know of it. */
  settings: Record<string, string>;
  close(): Promise<void>;
}

/** Starts the S3 server that PARLEY_TEST_S3_PROGRAM names, with a bucket that lets pages of one origin in. */
export async function objectStore(pages: string): Promise<ObjectStore> {
  const program = process.env.PARLEY_TEST_S3_PROGRAM;
  if (!program) throw new Error('PARLEY_TEST_S3_PROGRAM names no program: set it to what `hack/tool.sh versitygw --path` prints');
  const dir = await mkdtemp(join(tmpdir(), 'parley-e2e-s3-'));
  const [data, metadata] = [join(dir, 'buckets'), join(dir, 'metadata')];
  await mkdir(join(data, BUCKET), { recursive: true });
  await mkdir(metadata);
  const address = `127.0.0.1:${await freePorts(1)}`;
  const options = ['--port', address, '--region', 'us-east-1', '--keep-alive', '--health', HEALTH, '--quiet'];
  const child = spawn(program, [...options, 'posix', '--sidecar', metadata, data], {
    stdio: 'ignore',
    env: { ...process.env, ROOT_ACCESS_KEY: KEYS.id, ROOT_SECRET_KEY: KEYS.secret },
  });
  const origin = `http://${address}`;
  await answers(origin + HEALTH);
  await allowPages({ origin, name: BUCKET, keys: KEYS }, pages);
  return {
    origin,
    settings: {
      PARLEY_S3_ENDPOINT: origin,
      PARLEY_S3_PUBLIC_ENDPOINT: origin,
      PARLEY_S3_BUCKET: BUCKET,
      PARLEY_S3_TLS: 'Disabled',
      PARLEY_S3_ACCESS_KEY_ID: KEYS.id,
      PARLEY_S3_SECRET_ACCESS_KEY: KEYS.secret,
    },
    close: async () => {
      await end(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<void> {
  const until = Date.now() + START_MS;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error(`no answer from ${url} after ${START_MS} ms`);
    await new Promise((go) => setTimeout(go, 50));
  }
}
