// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"encoding/json"
	"sync"

	"github.com/parley-chat/parley/services/gateway"
)

// Socket is gateway.Socket: it keeps what was written. Tests in a synctest bubble wait with
// synctest.Wait and then look.
type Socket struct {
	mu     sync.Mutex // guards everything below
	frames []Frame
	writes int
	pings  int
	code   gateway.CloseCode
	reason string
	stuck  chan struct{} // non-nil: Write waits
	broken error
	onPing func()
}

// Write keeps the frames.
func (s *Socket) Write(messages [][]byte) error {
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.writes++
	for _, m := range messages {
		var f Frame
		if err := json.Unmarshal(m, &f); err != nil {
			return err
		}
		s.frames = append(s.frames, f)
	}
	return nil
}

// Ping counts, and answers if OnPing was set.
func (s *Socket) Ping() {
	s.mu.Lock()
	s.pings++
	answer := s.onPing
	s.mu.Unlock()
	if answer != nil {
		answer()
	}
}

// Close keeps the first code and ends a stuck Write.
func (s *Socket) Close(code gateway.CloseCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == 0 {
		s.code, s.reason = code, reason
	}
	s.unstick(gateway.ErrSlow)
}

func (s *Socket) unstick(err error) {
	if s.stuck != nil {
		s.broken = err
		close(s.stuck)
		s.stuck = nil
	}
}

// Stick makes Write wait until Unstick or Close.
func (s *Socket) Stick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = make(chan struct{})
}

// Unstick lets Write go on; with an error it fails instead.
func (s *Socket) Unstick(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unstick(err)
}

// OnPing is called for each ping control frame.
func (s *Socket) OnPing(answer func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPing = answer
}

// Take removes and answers the frames so far.
func (s *Socket) Take() []Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.frames
	s.frames = nil
	return frames
}

// Writes counts the calls of Write.
func (s *Socket) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Pings counts the ping control frames.
func (s *Socket) Pings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pings
}

// Closed is the code and reason of the close frame; 0 while open.
func (s *Socket) Closed() (gateway.CloseCode, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code, s.reason
}
