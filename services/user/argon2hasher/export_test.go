// SPDX-License-Identifier: Apache-2.0

package argon2hasher

// Occupy takes one slot until release is called.
func (h *Hasher) Occupy() (release func()) {
	h.slots <- struct{}{}
	return func() { <-h.slots }
}
