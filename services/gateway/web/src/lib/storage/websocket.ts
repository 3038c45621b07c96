// SPDX-License-Identifier: Apache-2.0
import { SUBPROTOCOL, type Socket } from '../protocol/connection';

/** Opens a WebSocket to this host. */
export function openWebSocket(path: string): Socket {
  const url = new URL(path, location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const raw = new WebSocket(url, SUBPROTOCOL);
  raw.binaryType = 'arraybuffer';
  const socket: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (data) => {
      if (raw.readyState === WebSocket.OPEN) raw.send(data as Uint8Array<ArrayBuffer>);
    },
    close: (code) => raw.close(code),
  };
  raw.onopen = () => socket.onopen?.();
  raw.onclose = (event) => socket.onclose?.(event.code, event.reason);
  raw.onmessage = (event) => {
    // A text frame is none of this subprotocol; it is reported as one that cannot be decoded.
    const data = event.data instanceof ArrayBuffer ? new Uint8Array(event.data) : new Uint8Array([0xff]);
    socket.onmessage?.(data);
  };
  return socket;
}
