// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// What the services of speech and of files say too, where nobody reads recordings or bytes cannot be stored: chat
// goes on without both.
var (
	errSpeech = fault.New(fault.Unavailable, "SPEECH_UNAVAILABLE", "speech cannot be read now, try again later")
	errFiles  = fault.New(fault.Unavailable, "FILES_UNAVAILABLE", "files are not available, try again")
)

// unavailable is the error for a component that does not answer.
func unavailable(name component.Name) *fault.Error {
	switch name {
	case component.Speech:
		return errSpeech
	case component.File:
		return errFiles
	default:
		return fault.ErrUnavailable
	}
}

// nobody answers for a component that this chat does not have.
func (h *handler) nobody(why *fault.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, call{route: h.routes[r.URL.Path], requestID: identity.FromContext(r.Context()).RequestID}, why)
	})
}
