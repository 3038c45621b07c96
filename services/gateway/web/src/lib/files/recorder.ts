// SPDX-License-Identifier: Apache-2.0
// Records what is spoken into the microphone.

/** Longest recording. */
export const LONGEST_MS = 5 * 60_000;
const LEVELS_MOST = 128;
const LEVEL_MS = 100;
const TYPES = ['audio/webm;codecs=opus', 'audio/mp4;codecs=mp4a.40.2', 'audio/mp4', 'audio/webm'];

/** A recording that ended. */
export interface Recording {
  blob: Blob;
  type: string;
  durationMs: number;
  /** How loud it is over time, at most 128 values from 0 to 255. */
  waveform: number[];
}

/** Why nothing is recorded. */
export type Trouble = 'denied' | 'noMicrophone' | 'unsupported';

/** The microphone cannot be used. */
export class CannotRecord extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

/** Recorder is one recording under way. */
export class Recorder {
  private readonly chunks: Blob[] = [];
  private readonly levels: number[] = [];
  private readonly began = performance.now();
  private readonly timer: ReturnType<typeof setInterval>;
  private ended: number | undefined;

  private constructor(
    private readonly media: MediaRecorder,
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    /** Tells length and loudness, some times a second. */
    tell: (ms: number, levels: readonly number[]) => void,
  ) {
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    media.ondataavailable = ({ data }) => this.chunks.push(data);
    this.timer = setInterval(() => {
      analyser.getByteTimeDomainData(samples);
      this.levels.push(loudness(samples));
      tell(this.length, this.levels);
    }, LEVEL_MS);
    media.start(1_000);
  }

  /** Begins to record; asks the person for the microphone where that is needed. */
  static async start(tell: (ms: number, levels: readonly number[]) => void): Promise<Recorder> {
    const type = typeof MediaRecorder === 'undefined' ? undefined : TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    if (!type || !navigator.mediaDevices) throw new CannotRecord('unsupported');
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } });
      return new Recorder(new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 32_000 }), stream, new AudioContext(), tell);
    } catch (error) {
      throw new CannotRecord(error instanceof DOMException && error.name === 'NotAllowedError' ? 'denied' : 'noMicrophone');
    }
  }

  /** How long it is so far, ms. */
  get length(): number {
    return Math.round((this.ended ?? performance.now()) - this.began);
  }

  /** Ends the recording. */
  async stop(): Promise<Recording> {
    this.ended ??= performance.now();
    const done = new Promise((resolve) => (this.media.onstop = resolve));
    if (this.media.state !== 'inactive') {
      this.media.stop();
      await done;
    }
    this.release();
    const type = this.media.mimeType.split(';')[0]!;
    const durationMs = Math.min(Math.max(this.length, 1), LONGEST_MS);
    return { blob: new Blob(this.chunks, { type }), type, durationMs, waveform: condense(this.levels, LEVELS_MOST) };
  }

  /** Ends the recording and keeps nothing. */
  cancel(): void {
    this.media.ondataavailable = null;
    if (this.media.state !== 'inactive') this.media.stop();
    this.release();
  }

  private release(): void {
    clearInterval(this.timer);
    for (const track of this.stream.getTracks()) track.stop();
    void this.context.close().catch(() => undefined);
  }
}

function loudness(samples: Uint8Array): number {
  let sum = 0;
  for (const sample of samples) sum += ((sample - 128) / 128) ** 2;
  // Speech is quiet beside what a microphone can take: the root makes it visible.
  return Math.min(255, Math.round(Math.sqrt(Math.sqrt(sum / samples.length)) * 255));
}

/** Makes a list of levels at most so long; each value is the loudest of its part. */
export function condense(levels: readonly number[], most: number): number[] {
  if (levels.length <= most) return [...levels];
  return Array.from({ length: most }, (_, i) => Math.max(...levels.slice(Math.floor((i * levels.length) / most), Math.floor(((i + 1) * levels.length) / most))));
}
