// SPDX-License-Identifier: Apache-2.0

package blobtest

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
)

// Bounds of Large: a file of the largest size that people send, and what a store may need for some at once.
const (
	largeBytes  = 100 << 20
	largeAtOnce = 4
	largeMemory = 64 << 20
)

// Large writes and reads blobs of 100 MiB at the same time, and looks how much memory that takes. It must
// not run beside other tests of the package.
func Large(t *testing.T, place Opener) {
	t.Helper()
	s := place(t)()
	watch := watchMemory(t)
	var wg sync.WaitGroup
	for i := range largeAtOnce {
		wg.Go(func() { large(t, s, uint64(i)) })
	}
	wg.Wait()
	peak := watch()
	t.Logf("%d transfers of %d MiB at once: %d MiB of heap at most", largeAtOnce, largeBytes>>20, peak>>20)
	if peak > largeMemory {
		t.Errorf("%d MiB of heap, want at most %d", peak>>20, largeMemory>>20)
	}
}

func large(t *testing.T, s Kept, seed uint64) {
	key := blob.NewKey()
	sum := sha256.New()
	body := io.TeeReader(io.LimitReader(endless(seed), largeBytes), sum)
	u, err := s.Begin(t.Context(), key, largeBytes)
	for err == nil && u.Offset < u.Size {
		u, err = s.Append(t.Context(), u, io.LimitReader(body, blob.StepBytes))
	}
	if err == nil {
		_, err = s.Finish(t.Context(), u)
	}
	if err != nil {
		t.Errorf("at %d: %v", u.Offset, err)
		return
	}
	checkSum(t, s, key, sum)
	if err := s.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
}

func checkSum(t *testing.T, s blob.Store, key string, want hash.Hash) {
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	got := sha256.New()
	n, err := io.Copy(got, r)
	if err != nil || n != largeBytes || string(got.Sum(nil)) != string(want.Sum(nil)) {
		t.Errorf("%d bytes came back, or others: %v", n, err)
	}
}

// endless random bytes, the same for the same seed.
func endless(seed uint64) io.Reader { return rand.NewChaCha8([32]byte{byte(seed)}) }

// watchMemory measures the heap in use beyond what is in use now, until the function is called.
func watchMemory(t *testing.T) func() uint64 {
	percent := debug.SetGCPercent(20) // garbage is not what is asked about
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	runtime.GC()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	before := heap()
	var peak uint64 // read after done
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				peak = max(peak, heap())
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() uint64 {
		end()
		<-done
		return max(peak, before) - before
	}
}
