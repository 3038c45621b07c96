// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');
const READY = 'Parley is ready';
const START_MS = 60_000;
const CODE_MS = 10_000;

/** The servers that a test talks to: own ones, or ones that run already. */
export interface Servers {
  /** Address of each gateway. */
  urls: string[];
  /** Stops all and starts them again with the same data; undefined where that is not ours to do. */
  restart?: { stop(): Promise<void>; start(): Promise<void> };
  /** Waits for the next code that goes to a phone number; undefined where the log cannot be read. */
  code?(phone: string): Promise<string>;
  /** The one-time link for the first administrator, as the program printed it; undefined where it cannot be read. */
  link?(): string | undefined;
  close(): Promise<void>;
}

/** Settings of the program, for the address that its pages will have. */
export type Settings = (base: string) => Promise<Record<string, string>>;

/** Takes the servers of PARLEY_E2E_BASE_URLS, or starts bin/parley with one or two gateways. */
export async function servers(gateways: 1 | 2, settings: Settings = async () => ({})): Promise<Servers> {
  const given = process.env.PARLEY_E2E_BASE_URLS;
  if (given) {
    const urls = given.split(',').map((url) => url.trim().replace(/\/$/, ''));
    return { urls: gateways === 1 ? urls.slice(0, 1) : urls, close: async () => {} };
  }
  const data = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
  const port = await freePorts(gateways);
  const sample = gateways === 1 ? 'chatcluster-dev.yaml' : 'chatcluster-two-gateways.yaml';
  const args = ['dev', '-f', join(ROOT, 'config/samples', sample), '--data', data, '--port', String(port)];
  const environ = await settings(`http://127.0.0.1:${port}`);
  let child = await launch(args, environ);
  const code = (phone: string) =>
    said(child, CODE_MS, (line) => {
      if (!line.includes(`"phone_end":"${phone.slice(-4)}"`)) return undefined;
      return /"code":"(\d{6})"/.exec(line)?.[1];
    });
  return {
    urls: Array.from({ length: gateways }, (_, i) => `http://127.0.0.1:${port + i}`),
    restart: {
      stop: () => end(child),
      start: async () => {
        child = await launch(args, environ);
      },
    },
    code,
    link: () => /(http\S+\/#\/administrator\/\S+)/.exec(heard.get(child) ?? '')?.[1],
    close: async () => {
      await end(child);
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** The last that each program has said. */
const heard = new WeakMap<ChildProcess, string>();

async function launch(args: string[], environ: Record<string, string>): Promise<ChildProcess> {
  const program = process.env.PARLEY_BIN ?? join(ROOT, 'bin/parley');
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environ } });
  let said = '';
  const ready = new Promise<void>((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`parley is not ready after ${START_MS} ms:\n${said}`)), START_MS);
    const hear = (text: Buffer) => {
      said = (said + text.toString()).slice(-10_000);
      heard.set(child, said);
      if (!said.includes(READY)) return;
      clearTimeout(timer);
      done();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', fail);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`parley ended with ${code}:\n${said}`));
    });
  });
  await ready;
  return child;
}

// Waits for a line of the log that has what is looked for.
function said(child: ChildProcess, ms: number, find: (line: string) => string | undefined): Promise<string> {
  return new Promise((done, fail) => {
    let rest = '';
    const stop = () => {
      clearTimeout(timer);
      child.stdout?.off('data', hear);
      child.stderr?.off('data', hear);
    };
    const timer = setTimeout(() => {
      stop();
      fail(new Error(`the log does not say it within ${ms} ms`));
    }, ms);
    const hear = (text: Buffer) => {
      const lines = (rest + text.toString()).split('\n');
      rest = lines.pop() ?? '';
      const found = lines.map(find).find((one) => one !== undefined);
      if (found === undefined) return;
      stop();
      done(found);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
  });
}

/** Ends a program and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** Finds as many free ports in a row. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const probe = createServer();
    probe.once('error', () => answer(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => answer(true)));
  });
}
