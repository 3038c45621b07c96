// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/services/gateway"
)

const (
	opText   = 0x81 // whole text message
	opBinary = 0x82 // whole binary message
	opClose  = 0x88
	opPing   = 0x89
	opPong   = 0x8a

	maxControlBytes = 125 // RFC 6455 section 5.5
	closeWait       = time.Second
	lingerWait      = 2 * time.Second // for the client's close frame, after ours
	lingerBytes     = 256 << 10       // read and thrown away meanwhile
)

var errRejected = errors.New("frame refused")

// link is one connection: the net.Conn that the library reads from, with our own writer.
type link struct {
	net.Conn
	opcode    byte // of messages
	writeWait time.Duration
	now       func() time.Time
	guard     guard
	early     []byte // came with the handshake; read first
	session   *gateway.Session

	open     atomic.Bool   // the handshake is over
	code     atomic.Uint32 // of the close frame that was seen or sent
	rejected gateway.CloseCode

	mu        sync.Mutex // guards closeSent, and is held while bytes of a frame are written
	closeSent bool
}

// Read gives the library what the guard has let through.
func (l *link) Read(p []byte) (n int, err error) {
	if len(l.early) > 0 {
		n = copy(p, l.early)
		l.early = l.early[n:]
	} else if n, err = l.Conn.Read(p); err != nil {
		return n, err
	}
	if code := l.guard.observe(p[:n]); code != 0 {
		l.rejected = code
		return 0, errRejected
	}
	return n, nil
}

// Write is what the library writes: the answer to the handshake, and close frames, of which only the
// code is passed on: their text may tell about the server.
func (l *link) Write(p []byte) (int, error) {
	if !l.open.Load() {
		return l.Conn.Write(p)
	}
	code, reason := gateway.CloseCode(0), ""
	if len(p) >= 4 {
		code = gateway.CloseCode(binary.BigEndian.Uint16(p[2:]))
	}
	if l.rejected != 0 {
		code, reason = l.rejected, l.rejected.Name()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(p), l.writeClose(code, reason)
}

// Close does nothing: the library closes before the client has read what was written. The reader
// goroutine ends the connection.
func (l *link) Close() error { return nil }

// writeClose writes a close frame, once. The caller holds the lock.
func (l *link) writeClose(code gateway.CloseCode, reason string) error {
	if l.closeSent {
		return nil
	}
	l.closeSent = true
	l.code.CompareAndSwap(0, uint32(code))
	var payload []byte
	if code != 0 {
		payload = binary.BigEndian.AppendUint16(nil, uint16(code))
		payload = append(payload, reason...)
		payload = payload[:min(len(payload), maxControlBytes)]
	}
	return l.writeControl(opClose, payload, closeWait)
}

// writeControl writes one control frame. The caller holds the lock.
func (l *link) writeControl(op byte, payload []byte, wait time.Duration) error {
	frame := append([]byte{op, byte(len(payload))}, payload...) //nolint:gosec // at most 125
	if err := l.SetWriteDeadline(l.now().Add(wait)); err != nil {
		return err
	}
	_, err := l.Conn.Write(frame)
	return err
}

// control writes one control frame unless the connection closes.
func (l *link) control(op byte, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closeSent {
		// A connection that takes nothing is noticed by the next message or the missing life sign.
		_ = l.writeControl(op, payload, l.writeWait)
	}
}

// finish ends the connection after the last read: it lets the client read what was written, since
// unread bytes would turn the end into a reset.
func (l *link) finish() {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		if l.SetReadDeadline(l.now().Add(closeWait)) == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(l.Conn, lingerBytes))
		}
	}
	_ = l.Conn.Close()
}

// socket is gateway.Socket on a link.
type socket struct{ link *link }

var _ gateway.Socket = socket{}

// buffers hold one write; larger ones than usual are not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // a pool has no state

const keptBuffer = 64 << 10

// Write sends messages in one system call.
func (s socket) Write(messages [][]byte) error {
	l := s.link
	buffer, _ := buffers.Get().(*[]byte)
	out := (*buffer)[:0]
	for _, m := range messages {
		out = appendHeader(out, l.opcode, len(m))
		out = append(out, m...)
	}
	l.mu.Lock()
	err := net.ErrClosed
	if !l.closeSent {
		if err = l.SetWriteDeadline(l.now().Add(l.writeWait)); err == nil {
			_, err = l.Conn.Write(out)
		}
	}
	l.mu.Unlock()
	if cap(out) <= keptBuffer {
		*buffer = out
		buffers.Put(buffer)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return gateway.ErrSlow
	}
	return err
}

func appendHeader(out []byte, opcode byte, size int) []byte {
	switch {
	case size <= maxControlBytes:
		return append(out, opcode, byte(size)) //nolint:gosec // at most 125
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(out, opcode, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(out, opcode, 127), uint64(size))
	}
}

// Ping sends a ping control frame.
func (s socket) Ping() { s.link.control(opPing, nil) }

// Close sends a close frame and leaves some time for the answer. While a write is stuck there is no
// place for a frame any more: then the connection ends at once.
func (s socket) Close(code gateway.CloseCode, reason string) {
	l := s.link
	if !l.mu.TryLock() {
		l.code.CompareAndSwap(0, uint32(code))
		_ = l.Conn.Close()
		return
	}
	defer l.mu.Unlock()
	if l.writeClose(code, reason) != nil || l.SetReadDeadline(l.now().Add(lingerWait)) != nil {
		_ = l.Conn.Close()
	}
}
