// SPDX-License-Identifier: Apache-2.0

// Package httpapi takes the bytes of uploads in and gives those of files out.
//
// PUT brings a whole file, or a part that begins at Upload-Offset. HEAD without a link tells how far an upload has come.
// GET and HEAD of a link answer bytes; ranges and conditional requests work. Whatever is not surely harmless is
// answered so that no browser shows it.
package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Headers of uploads.
const (
	OffsetHeader = "Upload-Offset"
	LengthHeader = "Upload-Length"
)

// Refuser answers a request with an error.
type Refuser interface {
	WriteError(w http.ResponseWriter, r *http.Request, err error)
}

// Handler serves below file.Path.
type Handler struct {
	service *file.Service
	refuser Refuser
}

// New answers from a service.
func New(service *file.Service, refuser Refuser) Handler { return Handler{service, refuser} }

// ServeHTTP sorts by method.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := ids.ParseFile("file_id", strings.TrimPrefix(r.URL.Path, file.Path))
	if err != nil {
		h.refuser.WriteError(w, r, file.ErrNotFound)
		return
	}
	linked := r.URL.Query().Has(file.ParamSeal)
	switch {
	case r.Method == http.MethodPut:
		h.put(w, r, id)
	case r.Method == http.MethodHead && !linked:
		h.progress(w, r, id)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		h.get(w, r, id)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "files are read by GET and HEAD and written by PUT", http.StatusMethodNotAllowed)
	}
}

// put takes bytes in.
func (h Handler) put(w http.ResponseWriter, r *http.Request, id ids.FileID) {
	part := file.Part{Owner: identity.FromContext(r.Context()).UserID, File: id, Offset: -1, Size: r.ContentLength}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" || r.Header.Get("Content-Range") != "" {
		h.refuser.WriteError(w, r, fault.InvalidField("headers", "bytes are sent as they are, a part by "+OffsetHeader))
		return
	}
	if text := r.Header.Get(OffsetHeader); text != "" {
		offset, err := strconv.ParseUint(text, 10, 62)
		if err != nil {
			h.refuser.WriteError(w, r, fault.InvalidField(OffsetHeader, "a number of bytes"))
			return
		}
		part.Offset = int64(offset)
	}
	f, err := h.service.Receive(r.Context(), part, r.Body)
	tellProgress(w, f)
	if err != nil {
		h.refuser.WriteError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// progress tells how far an upload has come.
func (h Handler) progress(w http.ResponseWriter, r *http.Request, id ids.FileID) {
	f, err := h.service.Progress(r.Context(), identity.FromContext(r.Context()).UserID, id)
	tellProgress(w, f)
	if err != nil {
		h.refuser.WriteError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// tellProgress sets the headers of an upload that is the caller's; one that is not has no id.
func tellProgress(w http.ResponseWriter, f file.File) {
	if f.ID.IsZero() {
		return
	}
	w.Header().Set(OffsetHeader, strconv.FormatInt(f.Upload.Offset, 10))
	w.Header().Set(LengthHeader, strconv.FormatInt(f.Size, 10))
}
