// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// errSpeech is what the speech service says too where nobody reads recordings.
var errSpeech = fault.New(fault.Unavailable, "SPEECH_UNAVAILABLE", "speech cannot be read now, try again later")

// unavailable is the error for a component that does not answer. Only a component with an error of its own may
// have no address.
func unavailable(name component.Name) *fault.Error {
	if name == component.Speech {
		return errSpeech
	}
	return fault.ErrUnavailable
}

// nobody answers for a component that this chat does not have.
func (h *handler) nobody(why *fault.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, call{route: h.routes[r.URL.Path], requestID: identity.FromContext(r.Context()).RequestID}, why)
	})
}
