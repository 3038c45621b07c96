// SPDX-License-Identifier: Apache-2.0

package token

import (
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// recall answers from memory.
func (v *Verifier) recall(key digest) (gateway.Login, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.proofs.Get(key)
	if !ok || !v.now().Before(p.until) {
		return gateway.Login{}, false
	}
	return p.login, true
}

// recallReceipts answers from memory what was asked a moment ago.
func (v *Verifier) recallReceipts(key digest) (hidden, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p, ok := v.proofs.Get(key)
	return p.receiptsHidden, ok && v.now().Sub(p.asked) < receiptsFor
}

func (v *Verifier) resetCount() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.resets
}

// remember keeps a proof, unless its login session has ended meanwhile. It answers false if everything
// was forgotten since the count of resets that the caller saw: then the proof may be older than an
// ending that nobody told.
func (v *Verifier) remember(key digest, p proof, resets uint64) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended.Contains(p.login.Session) {
		return false, gateway.ErrSessionEnded
	}
	if v.resets != resets {
		return false, nil
	}
	v.proofs.Add(key, p)
	keys := v.digests[p.login.Session]
	if keys == nil {
		keys = map[digest]struct{}{}
		v.digests[p.login.Session] = keys
	}
	keys[key] = struct{}{}
	return true, nil
}

// forgetDigest is called by the cache, with the lock held, for each proof that leaves it.
func (v *Verifier) forgetDigest(key digest, p proof) {
	keys := v.digests[p.login.Session]
	delete(keys, key)
	if len(keys) == 0 {
		delete(v.digests, p.login.Session)
	}
}

// end forgets a login session for ever.
func (v *Verifier) end(session ids.LoginSessionID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended.Add(session, struct{}{})
	for key := range v.digests[session] {
		v.proofs.Remove(key)
	}
}

// forgetAll empties the memory and answers what was in it.
func (v *Verifier) forgetAll() []proof {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.proofs.Values()
	v.resets++
	v.proofs.Purge()
	return all
}
